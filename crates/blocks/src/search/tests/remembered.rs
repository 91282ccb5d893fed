//! Questions that are asked again: what was kept of their answers is right as long as it is used.

use std::sync::Arc;

use model::{Batch, Tenant};
use store::{Ask, Level, Plan, Rows};

use super::super::{Sources, run};
use super::repeats::{check, traces};
use super::yard::Yard;

/// Checks everything twice: what is kept of the first answers makes the second ones.
#[track_caller]
fn check_twice(head: &[&Batch], blocks: &[Arc<crate::block::BlockView>], sent: &[&Batch]) {
    let sources = Sources {
        head: head.iter().map(|batch| (*batch).clone()).collect(),
        blocks: blocks.to_vec(),
        ..Sources::default()
    };
    check(&sources, sent);
    check(&sources, sent);
}

#[test]
fn what_is_kept_of_answers_follows_the_store() {
    let mut yard = Yard::new();
    let [one, two, three, four, five] = [1..=120, 121..=200, 201..=240, 241..=260, 261..=300].map(traces);
    let again = traces(195..=205);
    let closed = yard.closed(&[vec![one.clone()], vec![two.clone()]]);
    let mut growing = yard.open(&[]);
    let begun = vec![closed.clone(), growing.view()];
    check_twice(&[&three, &four], &begun, &[&one, &two, &three, &four]);
    check_twice(&[&three, &four, &five], &begun, &[&one, &two, &three, &four, &five]);
    growing.append(std::slice::from_ref(&three)).unwrap();
    let grown = vec![closed.clone(), growing.view()];
    check_twice(&[&four, &five], &grown, &[&one, &two, &three, &four, &five]);
    check_twice(&[&four, &five, &again], &grown, &[&one, &two, &three, &four, &five, &again]);
    growing.append(std::slice::from_ref(&four)).unwrap();
    growing.append(std::slice::from_ref(&again)).unwrap();
    let grown = vec![closed.clone(), growing.view()];
    check_twice(&[&five], &grown, &[&one, &two, &three, &four, &five, &again]);
    let meta = growing.close().unwrap();
    let both = [closed, yard.view(&meta)];
    check_twice(&[&five], &both, &[&one, &two, &three, &four, &five, &again]);
    let merged = [yard.merged(&both)];
    check_twice(&[&five], &merged, &[&one, &two, &three, &four, &five, &again]);
}

#[test]
fn what_is_kept_is_not_read_again() {
    let mut yard = Yard::new();
    let [sent, late] = [traces(1..=500), traces(501..=510)];
    let block = yard.closed(&[vec![sent]]);
    let sources = Sources { head: vec![late], blocks: vec![block], ..Sources::default() };
    let values = Ask::Values { key: "k".into(), level: Level::Span };
    let plan = Plan { limit: 100, ..Plan::new(Tenant::default(), values) };
    let [first, second] = [(); 2].map(|()| run(&plan, &sources).unwrap());
    let (Rows::Names(names), Rows::Names(again)) = (&first.rows, &second.rows) else { panic!("names") };
    assert_eq!(names, again);
    assert!(!names.is_empty() && first.work.spans_seen > 0);
    assert_eq!(second.work.spans_seen, 0, "neither of the block nor of the head");
}
