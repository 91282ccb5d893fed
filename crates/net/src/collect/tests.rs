use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;
use crate::compress::compress;

fn pieces(pieces: &[&[u8]]) -> impl http_body::Body<Data = Bytes, Error = BoxError> + Send + Unpin + use<> {
    let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    StreamBody::new(stream::iter(frames))
}

async fn collected(parts: &[&[u8]], budget: &Budget, bytes_max: usize) -> Result<Collected, CollectError> {
    let limits = CollectLimits { bytes_max, ..CollectLimits::default() };
    collect(&HeaderMap::new(), pieces(parts), Announced::Header, budget, &limits).await
}

#[tokio::test]
async fn one_piece_is_not_copied() {
    let piece = Bytes::from_static(b"all of it");
    let address = piece.as_ptr();
    let body = crate::body::Body::full(piece);
    let budget = Budget::new(100);
    let whole = collect(&HeaderMap::new(), body, Announced::Header, &budget, &CollectLimits::default())
        .await
        .unwrap();
    assert_eq!(whole.bytes.as_ptr(), address);
    assert_eq!(budget.used(), 9);
}

#[tokio::test]
async fn many_pieces_become_one() {
    let budget = Budget::new(1 << 20);
    let parts: Vec<&[u8]> = [b"ab".as_slice(), b"", b"cde", b"f"].repeat(100);
    let whole = collected(&parts, &budget, 1000).await.unwrap();
    assert_eq!(whole.bytes, b"abcdef".repeat(100));
    assert_eq!(budget.used(), 600);
    drop(whole);
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn the_limit_holds_without_a_length() {
    let budget = Budget::new(1 << 20);
    assert!(collected(&[&[0; 60], &[0; 40]], &budget, 100).await.is_ok());
    let answer = collected(&[&[0; 60], &[0; 41]], &budget, 100).await;
    assert!(matches!(answer, Err(CollectError::TooLarge { bytes_max: 100 })));
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn an_announced_length_is_judged_before_reading() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, "80".parse().unwrap());
    headers.insert(EXPECT, "100-continue".parse().unwrap());
    let never = || StreamBody::new(stream::pending::<Result<Frame<Bytes>, BoxError>>());
    let limits = CollectLimits { bytes_max: 79, ..CollectLimits::default() };
    let answer = collect(&headers, never(), Announced::Header, &Budget::new(1000), &limits).await;
    assert!(matches!(answer, Err(CollectError::TooLarge { .. })));
    let limits = CollectLimits::default();
    let answer = collect(&headers, never(), Announced::Header, &Budget::new(79), &limits).await;
    assert!(matches!(answer, Err(CollectError::Busy)));
}

#[tokio::test]
async fn the_grpc_prefix_is_judged_before_the_message() {
    let budget = Budget::new(1 << 30);
    let limits = CollectLimits { bytes_max: 1005, ..CollectLimits::default() };
    let grpc = |prefix: &'static [u8]| {
        let budget = &budget;
        let limits = &limits;
        async move {
            let body = pieces(&[prefix, &[7; 1000]]);
            collect(&HeaderMap::new(), body, Announced::GrpcPrefix, budget, limits).await
        }
    };
    assert_eq!(grpc(&[0, 0, 0, 3, 232]).await.unwrap().bytes.len(), 1005);
    assert!(matches!(grpc(&[0, 0, 0, 3, 233]).await, Err(CollectError::TooLarge { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_given_up() {
    let budget = Budget::new(1000);
    let frames = stream::iter([Ok(Frame::data(Bytes::from_static(b"so far")))]);
    let body = StreamBody::new(Box::pin(futures_util::StreamExt::chain(
        frames,
        stream::pending::<Result<Frame<Bytes>, BoxError>>(),
    )));
    let limits = CollectLimits::default();
    let answer = collect(&HeaderMap::new(), body, Announced::Header, &budget, &limits).await;
    assert!(matches!(answer, Err(CollectError::TooSlow)));
    assert_eq!(budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_given_up() {
    let drip = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[0; 100]))), ()))
    });
    let body = StreamBody::new(Box::pin(drip));
    let started = Instant::now();
    let limits = CollectLimits::default();
    let answer = collect(&HeaderMap::new(), body, Announced::Header, &Budget::new(1 << 20), &limits).await;
    assert!(matches!(answer, Err(CollectError::TooSlow)));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn empty_pieces_are_counted() {
    let parts: Vec<&[u8]> = vec![b""; 1001];
    assert!(matches!(collected(&parts, &Budget::new(1000), 100).await, Err(CollectError::TooSlow)));
}

#[tokio::test]
async fn layers_are_undone_and_paid_for() {
    let text = vec![b'x'; 10_000];
    let inner = compress(Encoding::Zstd, None, &text).unwrap();
    let outer = compress(Encoding::Gzip, None, &inner).unwrap();
    let budget = Budget::new(1 << 20);
    let whole = collected(&[&outer], &budget, 1 << 20).await.unwrap();
    let whole = inflated(whole, &[Encoding::Zstd, Encoding::Gzip], 1 << 20).unwrap();
    assert_eq!(whole.bytes, text);
    assert!(budget.used() >= text.len());
    drop(whole);
    assert_eq!(budget.used(), 0);
}
