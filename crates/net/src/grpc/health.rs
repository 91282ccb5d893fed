//! `grpc.health.v1.Health/Check`, which load balancers and Kubernetes ask.

use bytes::Bytes;
use http::Response;

use super::{refuse, reply};
use crate::body::Body;
use crate::status::{Code, Status};

/// Where the call arrives.
pub const HEALTH_CHECK_PATH: &str = "/grpc.health.v1.Health/Check";

/// Answers for the whole server (no service named) or one of `services`.
pub fn health(request: &Bytes, services: &[&str], serving: bool) -> Response<Body> {
    let known = match request.as_ref() {
        [] => true,
        [0x0a, length, name @ ..] if usize::from(*length) == name.len() => {
            name.is_empty() || services.iter().any(|service| service.as_bytes() == name)
        }
        _ => return refuse(&Status::new(Code::InvalidArgument, "not a HealthCheckRequest")),
    };
    if !known {
        return refuse(&Status::new(Code::NotFound, "unknown service"));
    }
    reply(if serving { &[0x08, 1] } else { &[0x08, 2] })
}
