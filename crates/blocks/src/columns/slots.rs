//! Finds the number of a value by its hash; the values themselves lie elsewhere.
//!
//! Made to be emptied and filled again for every column: one allocation, kept, of eight bytes per slot.

/// Slots of a table that was just begun.
const SLOTS_MIN: usize = 256;

/// How much larger a full table gets.
const GROWTH: usize = 4;

/// Which numbers the hashes of values have.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    /// One more than the number; 0 where the slot is free.
    next: u32,
}

const FREE: Slot = Slot { hash: 0, next: 0 };

impl Slots {
    /// Forgets all numbers.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.used = 0;
    }

    /// The number of the value with this hash which `is_same` knows; `new` where there is none, from now on.
    #[inline]
    pub(crate) fn number(&mut self, hash: u64, new: u32, is_same: impl Fn(u32) -> bool) -> u32 {
        if 2 * self.used >= self.slots.len() {
            self.grow();
        }
        let hash = (hash >> 32) as u32;
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.next == 0 {
                self.slots[at] = Slot { hash, next: new + 1 };
                self.used += 1;
                return new;
            }
            if slot.hash == hash && is_same(slot.next - 1) {
                return slot.next - 1;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let length = (GROWTH * self.slots.len()).max(SLOTS_MIN);
        let mut wider = vec![FREE; length];
        for slot in self.slots.iter().filter(|slot| slot.next != 0) {
            let mut at = slot.hash as usize & (length - 1);
            while wider[at].next != 0 {
                at = (at + 1) & (length - 1);
            }
            wider[at] = *slot;
        }
        self.slots = wider;
    }
}

/// Spreads what tells numbers apart over all bits.
#[inline]
pub(crate) fn spread(number: u64) -> u64 {
    let mixed = (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}
