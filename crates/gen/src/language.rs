//! What each language's SDK writes about itself: resource attributes, scopes, stack traces, names of threads.

/// One language and its usual instrumentation.
#[derive(Debug)]
pub(crate) struct Language {
    /// `telemetry.sdk.language`
    pub(crate) name: &'static str,
    /// `telemetry.sdk.version`
    pub(crate) sdk_version: &'static str,
    /// Name and version of the scope, by [`Area`]; the last is the application's own and takes the service's version.
    pub(crate) scopes: [(&'static str, &'static str); 5],
    /// Whether its resource detectors find `container.id`.
    pub(crate) finds_container: bool,
    exceptions: [&'static str; 6],
    frames: Frames,
}

/// Which instrumentation of a service made a span; the index into [`Language::scopes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    Server,
    Client,
    Database,
    Messaging,
    Own,
}

/// All of them, in order of index.
pub(crate) const AREAS: [Area; 5] = [Area::Server, Area::Client, Area::Database, Area::Messaging, Area::Own];

#[derive(Debug)]
enum Frames {
    Java,
    Go,
    Python,
    Node,
    Rust,
}

/// How long a stack trace gets, about.
const STACK_BYTES: usize = 900;

impl Language {
    /// The exception types of the language.
    pub(crate) fn exception(&self, which: usize) -> &'static str {
        self.exceptions[which % self.exceptions.len()]
    }

    /// How many exception types there are.
    pub(crate) fn exception_count(&self) -> usize {
        self.exceptions.len()
    }

    /// A stack trace of about 900 bytes through the modules of a service; `salt` varies files and lines.
    pub(crate) fn stack(&self, noun: &str, which: usize, salt: usize) -> String {
        const STEPS: [&str; 6] = ["invoke", "apply", "handle", "dispatch", "execute", "forward"];
        let mut stack = match self.frames {
            Frames::Java => format!("com.acme.{noun}.{}: failed to process request\n", self.exception(which)),
            Frames::Python => "Traceback (most recent call last):\n".to_owned(),
            Frames::Node => format!("{}: failed to process request\n", self.exception(which)),
            Frames::Go => format!("goroutine {} [running]:\n", 17 + salt * 31 % 9000),
            Frames::Rust => "stack backtrace:\n".to_owned(),
        };
        let mut depth = 0;
        while stack.len() < STACK_BYTES {
            let step = STEPS[(depth + which) % STEPS.len()];
            let line = 10 + (depth * 37 + salt * 101 + which * 13) % 890;
            stack.push_str(&self.frame(noun, step, depth, line));
            depth += 1;
        }
        stack
    }

    fn frame(&self, noun: &str, step: &str, depth: usize, line: usize) -> String {
        match self.frames {
            Frames::Java => {
                format!("\tat com.acme.{noun}.flow.Handler{depth}.{step}(Handler{depth}.java:{line})\n")
            }
            Frames::Go => format!(
                "acme/{noun}/internal/flow{depth}.{step}(...)\n\t/src/{noun}/internal/flow{depth}/{step}.go:{line}\n"
            ),
            Frames::Python => format!(
                "  File \"/app/{noun}/flow/handler{depth}.py\", line {line}, in {step}\n    return self.{step}(ctx)\n"
            ),
            Frames::Node => {
                format!(
                    "    at Handler{depth}.{step} (/app/node_modules/@acme/{noun}/dist/{step}.js:{line}:17)\n"
                )
            }
            Frames::Rust => {
                format!("  {depth}: {noun}::flow::{step}\n        at ./src/flow/{step}.rs:{line}:9\n")
            }
        }
    }
}

/// The languages, in the order in which services take them.
pub(crate) const ALL: [Language; 5] = [
    Language {
        name: "java",
        sdk_version: "1.54.1",
        scopes: [
            ("io.opentelemetry.tomcat-10.0", "2.20.1-alpha"),
            ("io.opentelemetry.java-http-client", "2.20.1-alpha"),
            ("io.opentelemetry.jdbc", "2.20.1-alpha"),
            ("io.opentelemetry.kafka-clients-0.11", "2.20.1-alpha"),
            ("com.acme.tracing", ""),
        ],
        finds_container: true,
        exceptions: [
            "TimeoutException",
            "ConflictException",
            "NotFoundException",
            "IllegalStateException",
            "UpstreamException",
            "IOException",
        ],
        frames: Frames::Java,
    },
    Language {
        name: "go",
        sdk_version: "1.38.0",
        scopes: [
            ("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.63.0"),
            ("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.63.0"),
            ("github.com/XSAM/otelsql", "0.40.0"),
            ("github.com/dnwe/otelsarama", "0.5.0"),
            ("acme/tracing", ""),
        ],
        finds_container: false,
        exceptions: [
            "context.deadlineExceededError",
            "*errors.errorString",
            "*fmt.wrapError",
            "*net.OpError",
            "*url.Error",
            "*pgconn.PgError",
        ],
        frames: Frames::Go,
    },
    Language {
        name: "python",
        sdk_version: "1.38.0",
        scopes: [
            ("opentelemetry.instrumentation.flask", "0.59b0"),
            ("opentelemetry.instrumentation.requests", "0.59b0"),
            ("opentelemetry.instrumentation.psycopg2", "0.59b0"),
            ("opentelemetry.instrumentation.kafka", "0.59b0"),
            ("acme.tracing", ""),
        ],
        finds_container: false,
        exceptions: [
            "TimeoutError",
            "ValueError",
            "KeyError",
            "requests.exceptions.ConnectionError",
            "psycopg2.OperationalError",
            "RuntimeError",
        ],
        frames: Frames::Python,
    },
    Language {
        name: "nodejs",
        sdk_version: "2.2.0",
        scopes: [
            ("@opentelemetry/instrumentation-http", "0.208.0"),
            ("@opentelemetry/instrumentation-undici", "0.19.0"),
            ("@opentelemetry/instrumentation-pg", "0.61.0"),
            ("@opentelemetry/instrumentation-kafkajs", "0.18.0"),
            ("@acme/tracing", ""),
        ],
        finds_container: true,
        exceptions: ["TypeError", "AbortError", "ConflictError", "NotFoundError", "ECONNRESET", "Error"],
        frames: Frames::Node,
    },
    Language {
        name: "rust",
        sdk_version: "0.31.0",
        scopes: [
            ("axum-tracing-opentelemetry", "0.32.1"),
            ("reqwest-tracing", "0.5.8"),
            ("sqlx-tracing", "0.2.0"),
            ("rdkafka-tracing", "0.3.1"),
            ("acme_tracing", ""),
        ],
        finds_container: false,
        exceptions: [
            "tokio::time::error::Elapsed",
            "sqlx::Error",
            "reqwest::Error",
            "std::io::Error",
            "serde_json::Error",
            "anyhow::Error",
        ],
        frames: Frames::Rust,
    },
];
