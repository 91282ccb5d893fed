use super::{Cursor, LIMIT_MAX, Order, Plan};
use crate::conformance::trace_id;
use crate::{Ask, ReadError};

#[test]
fn a_cursor_is_read_as_it_was_written() {
    for key in [0, 1, u64::MAX] {
        let cursor = Cursor { key, id: trace_id(3) };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
    }
    for wrong in ["", "-", "x-1", "1-", "1", "1-00000000000000000000000000000000", "10000000000000000-1"] {
        assert_eq!(Cursor::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_row_is_not_after_its_own_cursor() {
    for order in [Order::Newest, Order::Oldest, Order::Longest] {
        let (start, duration, id) = (5, 7, trace_id(1));
        let cursor = Some(order.cursor(start, duration, id));
        assert!(!order.is_after(cursor, order.rank(start, duration, id)), "{order:?}");
        assert!(order.is_after(None, order.rank(start, duration, id)), "{order:?}");
        let later = trace_id(2).max(trace_id(3));
        assert!(later > id);
        assert!(order.is_after(cursor, order.rank(start, duration, later)), "{order:?}");
    }
}

#[test]
fn a_limit_without_sense_is_refused_with_advice() {
    let plan = |limit| Plan { limit, ..Plan::new(model::Tenant::default(), Ask::Traces) };
    assert!(plan(1).check().is_ok() && plan(LIMIT_MAX).check().is_ok());
    let Err(ReadError::Invalid { reason }) = plan(LIMIT_MAX + 1).check() else { panic!("refused") };
    assert_eq!(reason, "the limit is 10001: ask for 1 to 10000 rows, and for more by pages");
}
