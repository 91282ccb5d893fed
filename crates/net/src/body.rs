//! The body of every answer: nothing, bytes that are there already (with trailers, for gRPC), or a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

/// What went wrong while a streamed body was made.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request or a response that we send.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Ready { data: Option<Bytes>, trailers: Option<HeaderMap> },
    Stream(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Body {
        Body(Kind::Ready { data: None, trailers: None })
    }

    /// These bytes.
    pub fn full(data: impl Into<Bytes>) -> Body {
        let data = data.into();
        Body(Kind::Ready { data: (!data.is_empty()).then_some(data), trailers: None })
    }

    /// These bytes, then these trailers.
    pub fn with_trailers(data: impl Into<Bytes>, trailers: HeaderMap) -> Body {
        let data = data.into();
        Body(Kind::Ready { data: (!data.is_empty()).then_some(data), trailers: Some(trailers) })
    }

    /// Whatever another body yields: a file, server-sent events, an axum response.
    pub fn stream<B>(body: B) -> Body
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Body(Kind::Stream(body.map_err(Into::into).boxed_unsync()))
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::empty()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Ready { data, trailers } => {
                let frame = match data.take() {
                    Some(data) => Some(Frame::data(data)),
                    None => trailers.take().map(Frame::trailers),
                };
                Poll::Ready(frame.map(Ok))
            }
            Kind::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Ready { data, trailers } => data.is_none() && trailers.is_none(),
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Ready { data, .. } => SizeHint::with_exact(data.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}
