//! Bounds the bytes of an answer: one whose size is known is refused instead, another is broken off.

use std::io;

use axum::body::{Body, HttpBody as _};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::faden::Failed;

/// Marks an answer that is as large as what it hands over; it is not bounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flowing;

/// The answer, where it has at most so many bytes.
pub(super) fn bounded(answer: Response, bytes_max: u64) -> Response {
    let content = answer.headers().get(CONTENT_TYPE);
    // Its messages have limits of their own, and trailers follow them.
    let is_grpc = content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc"));
    if is_grpc || answer.extensions().get::<Flowing>().is_some() {
        return answer;
    }
    match answer.body().size_hint().exact() {
        Some(bytes) if bytes <= bytes_max => answer,
        Some(bytes) => {
            let message = format!("the answer has {bytes} bytes, and serve.limits.answer allows {bytes_max}");
            let remedy =
                "ask for less: a shorter time, a narrower filter, a lower limit; or raise the setting";
            Failed::new(StatusCode::UNPROCESSABLE_ENTITY, message).remedy(remedy).into_response()
        }
        None => answer.map(|body| broken_off(body, bytes_max)),
    }
}

fn broken_off(body: Body, bytes_max: u64) -> Body {
    let mut left = bytes_max;
    Body::from_stream(body.into_data_stream().map(move |chunk| -> io::Result<Bytes> {
        let chunk = chunk.map_err(io::Error::other)?;
        match left.checked_sub(chunk.len() as u64) {
            Some(rest) => left = rest,
            None => {
                tracing::warn!(bytes_max, "an answer was broken off: it is larger than serve.limits.answer");
                return Err(io::Error::other("the answer is larger than serve.limits.answer"));
            }
        }
        Ok(chunk)
    }))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures_util::stream;

    use super::*;

    async fn read(answer: Response) -> (StatusCode, Result<Bytes, axum::Error>) {
        let answer = bounded(answer, 10);
        (answer.status(), to_bytes(answer.into_body(), 10_000).await)
    }

    fn streamed(chunks: &'static [&'static [u8]]) -> Response {
        let chunks = chunks.iter().map(|chunk| Ok::<_, io::Error>(Bytes::from_static(chunk)));
        Body::from_stream(stream::iter(chunks)).into_response()
    }

    #[tokio::test]
    async fn an_answer_that_fits_comes_whole() {
        for answer in ["0123456789".into_response(), streamed(&[b"01234", b"56789"])] {
            let (status, body) = read(answer).await;
            assert_eq!((status, &body.unwrap()[..]), (StatusCode::OK, &b"0123456789"[..]));
        }
    }

    #[tokio::test]
    async fn a_larger_one_is_refused_with_the_name_of_the_setting() {
        let (status, body) = read("0123456789a".into_response()).await;
        let body = String::from_utf8(body.unwrap().into()).unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(body.contains("11 bytes, and serve.limits.answer allows 10"), "{body}");
    }

    #[tokio::test]
    async fn one_whose_size_shows_late_is_broken_off() {
        let (status, body) = read(streamed(&[b"01234", b"56789", b"a"])).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.is_err());
    }

    #[tokio::test]
    async fn what_is_handed_over_has_no_bound() {
        let mut answer = streamed(&[b"01234", b"56789", b"a"]);
        answer.extensions_mut().insert(Flowing);
        assert_eq!(read(answer).await.1.unwrap().len(), 11);
    }
}
