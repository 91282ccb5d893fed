use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{PAGES, PARTS, routes};
use crate::testing::{ask, get};
use crate::{Rules, Site};

async fn site() -> SocketAddr {
    let site = Site::bind("127.0.0.1:0", vec![routes()], Rules::default()).await.unwrap();
    let address = site.address();
    tokio::spawn(site.serve(std::future::pending()));
    address
}

#[tokio::test]
async fn every_page_is_the_same_document_and_other_paths_are_not_there() {
    let address = site().await;
    let start = get(address, "/").await;
    assert_eq!((start.status, start.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(start.body.contains("<base href=\"/\" />"));
    for page in PAGES {
        for path in [format!("/{page}"), format!("/{page}/"), format!("/{page}/one/two")] {
            let found = get(address, &path).await;
            assert_eq!((found.status, &found.body), (200, &start.body), "{path}");
        }
    }
    for path in ["/searching", "/api/faden/v1/serach", "/assets/", "/assets/no.js", "/assets/../index.html"] {
        assert_eq!(get(address, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_policy_allows_nothing_inline_and_nothing_from_elsewhere() {
    let start = get(site().await, "/").await;
    let policy = start.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"));
    let body = &start.body;
    assert!(!body.contains("style=") && !body.contains("<style") && !body.contains(" on"), "{body}");
    assert_eq!(
        body.matches("<script").count(),
        body.matches("<script type=\"module\" crossorigin src=").count()
    );
    assert!(!body.contains("://"), "{body}");
}

#[tokio::test]
async fn what_is_named_in_the_document_is_there_and_kept_for_ever() {
    let address = site().await;
    let start = get(address, "/").await;
    let names: Vec<_> = start.body.split('"').filter(|text| text.starts_with("./assets/")).collect();
    assert!(names.len() >= 2, "a script and a style: {names:?}");
    for name in names {
        let part = get(address, &name[1..]).await;
        assert_eq!(part.status, 200, "{name}");
        assert_eq!(part.header("cache-control"), Some("public, max-age=31536000, immutable"));
        let again = format!("host: {address}\r\nif-none-match: {}\r\n", part.header("etag").unwrap());
        assert_eq!(ask(address, "GET", &name[1..], &again).await.status, 304);
    }
}

#[test]
fn the_smallest_form_that_is_taken_is_sent() {
    let script =
        PARTS.iter().filter(|part| part.name.ends_with(".js")).max_by_key(|part| part.plain.len()).unwrap();
    assert!(script.brotli.len() < script.gzip.len() && script.gzip.len() < script.plain.len() / 2);
    let form = |offer: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert("accept-encoding", offer.parse().unwrap());
        let reply = super::part(script.name, &headers);
        reply.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(form("gzip, deflate, br, zstd").as_deref(), Some("br"));
    assert_eq!(form("gzip, deflate").as_deref(), Some("gzip"));
    assert_eq!(form("br;q=0, gzip").as_deref(), Some("gzip"));
    assert_eq!(form("identity"), None);
}

#[tokio::test]
async fn behind_a_proxy_the_pages_live_below_its_path() {
    let address = site().await;
    let under = async |prefix: &str| {
        let headers = format!("host: {address}\r\nx-forwarded-prefix: {prefix}\r\n");
        ask(address, "GET", "/search", &headers).await.body
    };
    assert!(under("/tools/faden/").await.contains("<base href=\"/tools/faden/\" />"));
    for odd in ["//evil.example", "/a\"><script>", "https://evil.example", "a"] {
        assert!(under(odd).await.contains("<base href=\"/\" />"), "{odd}");
    }
}

#[test]
fn the_pages_were_built_from_the_sources_of_today() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui");
    let recorded = include_str!("dist/SOURCES");
    let recorded: BTreeMap<String, String> = recorded
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        .collect();
    let mut paths = Vec::new();
    for name in [
        "src",
        "public",
        "index.html",
        "package-lock.json",
        "package.json",
        "tsconfig.json",
        "vite.config.ts",
    ] {
        collect(&root.join(name), &mut paths);
    }
    let found: BTreeMap<String, String> = paths
        .into_iter()
        .map(|path| {
            let mut sum = flate2::Crc::new();
            sum.update(&fs::read(&path).unwrap());
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            (name, format!("{:08x}", sum.sum()))
        })
        .collect();
    assert!(found.len() > 20, "the sources are where they are looked for");
    let names: BTreeSet<_> = recorded.keys().chain(found.keys()).collect();
    let stale: Vec<_> = names.into_iter().filter(|name| recorded.get(*name) != found.get(*name)).collect();
    assert!(stale.is_empty(), "run `npm install && npm run build` in ui/: dist is older than {stale:?}");
}

fn collect(path: &Path, paths: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), paths);
        }
    } else {
        paths.push(path.to_owned());
    }
}
