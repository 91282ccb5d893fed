//! Chance from a seed: the same numbers on every machine, for ever.
//!
//! Neither the generator nor the curves come from a library or from the machine's `libm`, since a change of one bit
//! would change the corpus. Only `+ - * /` and `sqrt` of IEEE 754 are used, which are exact everywhere. The curves are
//! good to about 1e-7, which is plenty for made-up traffic.

/// SplitMix64, with the distributions that traffic needs.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    state: u64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    #[inline]
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Bits that are no null id.
    #[inline]
    pub(crate) fn id(&mut self) -> u64 {
        self.bits().max(1)
    }

    /// A whole number below `bound`, each as likely.
    #[inline]
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// One of `choices`, each as likely.
    #[inline]
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// A number in `0.0..1.0`.
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    #[inline]
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A rank below `bound` where low ranks are far more likely: about as many draws in each power of ten.
    #[inline]
    pub(crate) fn zipf(&mut self, bound: u64) -> u64 {
        let rank = exp(self.unit() * ln(bound as f64 + 1.0)) - 1.0;
        (rank as u64).min(bound.saturating_sub(1))
    }

    /// A log-normal number with this median.
    #[inline]
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(self.normal() * sigma)
    }

    /// The time until the next of random arrivals that are `mean` apart.
    #[inline]
    pub(crate) fn gap(&mut self, mean: f64) -> f64 {
        -mean * ln(1.0 - self.unit())
    }

    /// The normal distribution, as the sum of twelve 16-bit pieces: cheap, exact, and bounded by ±6.
    #[inline]
    fn normal(&mut self) -> f64 {
        let sum: u64 = [self.bits(), self.bits(), self.bits()].iter().map(|bits| pieces(*bits)).sum();
        sum as f64 / 65_536.0 - 6.0 + 12.0 / 131_072.0
    }
}

/// The sum of the four 16-bit pieces of a word.
fn pieces(bits: u64) -> u64 {
    (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)
}

/// e to the power of `power`, for powers within ±700.
fn exp(power: f64) -> f64 {
    let halvings = (power * std::f64::consts::LOG2_E).round_ties_even();
    let rest = power - halvings * std::f64::consts::LN_2;
    let mut sum = 1.0;
    for term in (1..=10_u32).rev() {
        sum = 1.0 + sum * rest / f64::from(term);
    }
    sum * f64::from_bits(((halvings as i64 + 1023) as u64) << 52)
}

/// The natural logarithm of a normal positive number.
fn ln(number: f64) -> f64 {
    let bits = number.to_bits();
    let exponent = (bits >> 52) as i64 - 1023;
    let mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let mut sum = 0.0;
    for term in (0..9_u32).rev() {
        sum = sum * square + 1.0 / f64::from(2 * term + 1);
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * ratio * sum
}

#[cfg(test)]
mod tests;
