//! What is kept, the archive, and erasing, over HTTP.

use async_trait::async_trait;
use model::TraceId;
use query::answer::Count64;

use super::*;
use crate::keep::{Archived, Erase, EraseAsked, Erasure, Keeper, StoreStat};

/// Keeps the traces of [`spans`] and erases nothing.
pub(super) struct Fake;

#[async_trait]
impl Keeper for Fake {
    async fn stat(&self) -> StoreStat {
        StoreStat { location: "somewhere".into(), spans: 7, ..StoreStat::default() }
    }

    async fn archive(&self, _: &Tenant, ids: &[TraceId]) -> Result<Vec<TraceId>, String> {
        Ok(ids.iter().copied().filter(|id| *id != trace_id(1)).collect())
    }

    async fn unarchive(&self, _: &Tenant, ids: &[TraceId]) -> Result<u64, String> {
        Ok(u64::from(ids == [trace_id(1)]))
    }

    async fn archived(&self, _: &Tenant) -> Vec<Archived> {
        vec![Archived { trace_id: trace_id(1).to_string(), since: Count64(5) }]
    }

    async fn erase(&self, what: Erase) -> Result<Erasure, String> {
        Ok(Erasure {
            spans: what.ids.map_or(0, |ids| ids.len() as u64),
            dry_run: what.dry_run,
            ..Erasure::default()
        })
    }
}

#[tokio::test]
async fn the_store_says_what_it_keeps() {
    let server = running().await;
    let stat = get(server.address, "/api/faden/v1/store").await.json();
    assert_eq!((stat["location"].as_str(), stat["spans"].as_u64()), (Some("somewhere"), Some(7)));
}

#[tokio::test]
async fn traces_go_into_the_archive_and_out_of_it() {
    let server = running().await;
    let head = format!("host: {}\r\n", server.address);
    let path = |number| format!("/api/faden/v1/archive/{}", trace_id(number));
    for (method, number, status) in [("PUT", 1, 200), ("PUT", 2, 404), ("DELETE", 1, 200), ("DELETE", 2, 404)]
    {
        let reply = ask(server.address, method, &path(number), &head).await;
        assert_eq!(reply.status, status, "{method} {number}: {}", reply.body);
    }
    let archive = get(server.address, "/api/faden/v1/archive").await.json();
    assert_eq!(archive["traces"][0]["since"], "5");
}

/// Asks for an erasure with these further headers.
async fn erase(server: &Running, headers: &str) -> crate::testing::Reply {
    let body = format!("{{\"traces\":[\"{}\"],\"dry_run\":true}}", trace_id(1));
    let headers = format!(
        "host: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        server.address,
        body.len()
    );
    ask(server.address, "POST", "/api/faden/v1/erase", &headers).await
}

#[tokio::test]
async fn spans_are_erased_from_this_machine_only() {
    let server = running().await;
    let reply = erase(&server, "").await;
    assert_eq!((reply.status, &reply.json()["spans"]), (200, &1.into()), "{}", reply.body);
    for header in
        ["x-forwarded-for: 10.0.0.1\r\n", "forwarded: for=10.0.0.1\r\n", "origin: https://evil.example\r\n"]
    {
        assert_eq!(erase(&server, header).await.status, 403, "{header}");
    }
}

#[test]
fn a_request_that_names_nothing_or_everything_erases_nothing() {
    let asked = |filter: &str| EraseAsked { filter: Some(filter.into()), ..EraseAsked::default() };
    let one = EraseAsked { traces: vec!["abc".into()], ..EraseAsked::default() };
    for (asked, words) in [
        (EraseAsked::default(), "nothing is named"),
        (asked(""), "names every span"),
        (asked("status = eror"), "eror"),
        (asked("traceDuration > 1s"), "whole traces"),
        (EraseAsked { traces: vec!["xyz".into()], ..EraseAsked::default() }, "no trace id"),
        (EraseAsked { from: Some("now".into()), ..one.clone() }, "whatever its time"),
        (EraseAsked { to: Some("soon".into()), ..asked("user.id = x") }, "is not a time"),
    ] {
        let message =
            super::super::read_erase(&asked, 0).err().map(|(message, _)| message).unwrap_or_default();
        assert!(message.contains(words), "{asked:?}: {message}");
    }
    let read = super::super::read_erase(
        &EraseAsked { from: Some("-1h".into()), ..asked("user.id = x") },
        7_200_000_000_000,
    );
    assert_eq!(read.unwrap().time.start, 3_600_000_000_000);
    assert_eq!(super::super::read_erase(&one, 0).unwrap().ids.unwrap().len(), 1);
}
