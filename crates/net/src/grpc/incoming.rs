//! The messages of a call whose client goes on sending while it is answered.

use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http_body_util::BodyExt;

use super::PREFIX;
use crate::body::BoxError;
use crate::status::{Code, Situation, Status};

struct Incoming<B> {
    body: B,
    held: BytesMut,
    bytes_max: usize,
    is_over: bool,
}

/// Each message when it is there, until the client sends no more. One that is compressed or has more than `bytes_max`
/// bytes is an error, which ends them.
pub fn messages<B>(body: B, bytes_max: usize) -> impl Stream<Item = Result<Bytes, Status>> + Send
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let incoming = Incoming { body, held: BytesMut::new(), bytes_max, is_over: false };
    stream::unfold(incoming, |mut incoming| async move {
        let message = incoming.next().await.transpose()?;
        incoming.is_over |= message.is_err();
        Some((message, incoming))
    })
}

impl<B> Incoming<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            if let Some(message) = self.whole()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                None if self.held.is_empty() => return Ok(None),
                None => return Err(Status::new(Code::InvalidArgument, "the body ends inside of a message")),
                Some(Err(error)) => {
                    let error: BoxError = error.into();
                    return Err(Status::new(Code::Cancelled, format!("the client left: {error}")));
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.held.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    /// The first message, if all of it is there.
    fn whole(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(&[flag, a, b, c, d]) = self.held.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if flag != 0 {
            return Err(Status::new(Code::Unimplemented, "messages of this call are not taken compressed"));
        }
        if length > self.bytes_max {
            let message = format!("a message has {length} bytes; at most {} are taken", self.bytes_max);
            return Err(Situation::TooLarge.status(message, None));
        }
        if self.held.len() < PREFIX + length {
            return Ok(None);
        }
        self.held.advance(PREFIX);
        Ok(Some(self.held.split_to(length).freeze()))
    }
}
