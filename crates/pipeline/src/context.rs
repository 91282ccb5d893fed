//! What a component gets from outside when it is built.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use model::{Clock, Tenant};

use crate::{ComponentId, Telemetry};

/// What every component may use; nothing in it is global.
#[derive(Clone)]
pub struct Context {
    /// Who the component is.
    pub id: ComponentId,
    /// Whose spans they are if a request names nobody.
    pub tenant: Tenant,
    /// Where it counts.
    pub telemetry: Telemetry,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How much memory there is, and how much of it is used.
    pub memory: Memory,
    /// What the binary lends to components, such as the store.
    pub shared: Shared,
}

/// Asks the allocator and the machine about memory.
#[derive(Clone, Copy)]
pub struct Memory {
    /// The bytes that the process has allocated and not freed.
    pub live: fn() -> u64,
    /// The bytes that it may use: what its control group or the machine has, if that is known.
    pub total: fn() -> Option<u64>,
}

impl Context {
    /// The same for another component.
    #[must_use]
    pub fn for_component(&self, id: &ComponentId) -> Self {
        Self { id: id.clone(), ..self.clone() }
    }
}

/// Things lent to components, found by their type: `shared.get::<Arc<dyn store::Writer>>()`.
#[derive(Clone, Default)]
pub struct Shared(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Shared {
    /// Nothing is lent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lends `thing`, instead of an earlier one of the same type.
    #[must_use]
    pub fn with<T: Any + Clone + Send + Sync>(mut self, thing: T) -> Self {
        self.0.insert(TypeId::of::<T>(), Arc::new(thing));
        self
    }

    /// What was lent of this type.
    pub fn get<T: Any + Clone + Send + Sync>(&self) -> Option<T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }
}

#[cfg(test)]
mod tests;
