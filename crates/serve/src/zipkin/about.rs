//! What Zipkin's UI wants to know of the server, and that it is there.

use axum::response::Response;

use super::reply::json;

/// The version of Zipkin whose API is spoken.
const ZIPKIN_VERSION: &str = "3.5.1";

/// The settings of Zipkin Lens: those of a Zipkin server that nobody configured.
pub(super) async fn config() -> Response {
    json(None, |out| {
        out.object(|out| {
            out.key("environment").text("");
            out.key("suggestLens").boolean(false);
            out.key("queryLimit").int(10);
            out.key("defaultLookback").int(900_000);
            out.key("searchEnabled").boolean(true);
            out.key("logsUrl").null();
            out.key("supportUrl").null();
            out.key("archivePostUrl").null();
            out.key("archiveUrl").null();
            out.key("dependency").object(|out| {
                out.key("enabled").boolean(true);
                out.key("lowErrorRate").double(0.5);
                out.key("highErrorRate").double(0.75);
            });
        });
    })
}

pub(super) async fn health() -> Response {
    json(None, |out| {
        out.object(|out| {
            out.key("status").text("UP");
            out.key("zipkin").object(|out| {
                out.key("status").text("UP");
                out.key("details").object(|out| {
                    out.key("faden").object(|out| out.key("status").text("UP"));
                });
            });
        });
    })
}

pub(super) async fn info() -> Response {
    json(None, |out| {
        out.object(|out| {
            out.key("zipkin").object(|out| out.key("version").text(ZIPKIN_VERSION));
            out.key("faden").object(|out| out.key("version").text(env!("CARGO_PKG_VERSION")));
        });
    })
}
