//! The store on an S3 bucket: a small server that keeps objects in memory and knows the calls we make.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{StandingClock, found, open_with, settings, trace, until, write};
use crate::{engine, settings::Settings};

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Bytes>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    conditional_puts: u32,
    unsigned: u32,
}

type Shared = Arc<Mutex<Bucket>>;

async fn serve(
    State(bucket): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (method, uri, headers) = (parts.method, parts.uri, parts.headers);
    let mut bucket = bucket.lock().unwrap();
    let signed = headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC"));
    bucket.unsigned += u32::from(!signed);
    let key = uri.path().strip_prefix("/spans").unwrap().trim_start_matches('/').to_owned();
    let upload = query.get("uploadId").cloned();
    match (method.as_str(), upload) {
        ("GET", _) if key.is_empty() => list(&bucket, query.get("prefix").map_or("", String::as_str)),
        ("GET" | "HEAD", _) => match bucket.objects.get(&key) {
            Some(object) => {
                let headers = [("etag", "\"1\""), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")];
                (headers, object.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
        ("PUT", Some(_)) => {
            let number = query["partNumber"].parse().unwrap();
            bucket.uploads.entry(key).or_default().insert(number, body);
            [("etag", "\"1\"")].into_response()
        }
        ("PUT", None) => {
            let conditional = headers.get("if-none-match").is_some_and(|value| value == "*");
            bucket.conditional_puts += u32::from(conditional);
            if conditional && bucket.objects.contains_key(&key) {
                return StatusCode::PRECONDITION_FAILED.into_response();
            }
            bucket.objects.insert(key, body);
            [("etag", "\"1\"")].into_response()
        }
        ("POST", Some(_)) => {
            let parts = bucket.uploads.remove(&key).unwrap();
            let whole: Vec<u8> = parts.into_values().flatten().collect();
            bucket.objects.insert(key, whole.into());
            "<CompleteMultipartUploadResult><ETag>\"1\"</ETag></CompleteMultipartUploadResult>"
                .into_response()
        }
        ("POST", None) if query.contains_key("uploads") => {
            let answer =
                "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>";
            answer.into_response()
        }
        ("POST", None) => {
            let text = String::from_utf8(body.to_vec()).unwrap();
            for key in text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                bucket.objects.remove(key);
            }
            "<DeleteResult></DeleteResult>".into_response()
        }
        _ => {
            bucket.objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

fn list(bucket: &Bucket, prefix: &str) -> Response {
    let found = bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix));
    let contents: String = found
        .map(|(key, object)| {
            let size = object.len();
            let modified = "2026-01-01T00:00:00.000Z";
            format!("<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><Size>{size}</Size></Contents>")
        })
        .collect();
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>").into_response()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_needs_no_more_than_a_url_and_keys() {
    let bucket = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(
        axum::serve(listener, Router::new().fallback(serve).with_state(bucket.clone())).into_future(),
    );
    let options = [
        ("aws_endpoint", format!("http://{address}")),
        ("aws_allow_http", "true".into()),
        ("aws_region", "eu-west-1".into()),
        ("aws_access_key_id", "key".into()),
        ("aws_secret_access_key", "secret".into()),
    ];
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| Settings {
        url: Some("s3://spans/prod".into()),
        url_options: options.iter().map(|(key, value)| ((*key).into(), value.clone())).collect(),
        ..settings(&dir.path().join(name))
    };
    let engine = open_with(at("one"), StandingClock::new()).await;
    for number in 1..=250 {
        write(&engine, trace(number, 4)).await;
    }
    engine.close().await.unwrap();
    let report = engine::check(&at("one"), &mut |_| {}).await.unwrap();
    assert!(report.damages.is_empty() && report.blocks > 1, "{report:?}");
    drop(engine);

    let elsewhere = open_with(at("two"), StandingClock::new()).await;
    until(&elsewhere, |stat| stat.recovery.done).await;
    assert_eq!(found(&elsewhere).await.1, 1000, "a machine with an empty disk finds everything");
    let bucket = bucket.lock().unwrap();
    assert!(bucket.objects.contains_key("prod/manifest/00000000000000000001.json"));
    assert_eq!(bucket.conditional_puts as u64, report.manifest_files);
    assert_eq!(bucket.unsigned, 0);
    server.abort();
}
