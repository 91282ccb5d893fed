use std::sync::Arc;

use super::Shared;

#[test]
fn what_is_lent_is_found_by_its_type() {
    trait Store: Send + Sync {
        fn name(&self) -> &'static str;
    }
    struct Memory;
    impl Store for Memory {
        fn name(&self) -> &'static str {
            "memory"
        }
    }
    let store: Arc<dyn Store> = Arc::new(Memory);
    let shared = Shared::new().with(store).with(7_u32).with(8_u32);
    assert_eq!(shared.get::<Arc<dyn Store>>().map(|store| store.name()), Some("memory"));
    assert_eq!(shared.get::<u32>(), Some(8));
    assert_eq!(shared.get::<u64>(), None);
}
