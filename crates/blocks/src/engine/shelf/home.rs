//! The object store behind a URL, and what its failures mean to whoever runs Faden.

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    BackoffConfig, ClientOptions, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreScheme, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RetryConfig, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder,
    path::Path,
};
use url::Url;

use crate::error::{Doing, Error, Next, Result};

/// A request is tried again so often before whoever asked hears of the failure, and tries later.
const RETRIES_MAX: usize = 3;

/// … and for no longer than this.
const RETRY_TIME_MAX: Duration = Duration::from_secs(15);

/// The first wait before a request is tried again, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// A connection that does not come about in this time never will.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// No request takes longer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Opens what the URL names; the options are called as in the environment of the cloud's own tools.
pub(super) fn open(url: &Url, options: &[(String, String)]) -> Result<(Arc<dyn ObjectStore>, Path)> {
    // Its client takes the process's provider; if one is installed already, that is fine.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let doing = || format!("use store.url {url}");
    let (scheme, root) = ObjectStoreScheme::parse(url).doing(Next::Refuse, doing())?;
    let inner: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::new().with_url(url.as_str()).with_client_options(client());
            let builder = known(options).fold(builder.with_retry(retry()), |builder, (key, value)| {
                key.parse().into_iter().fold(builder, |builder, key| builder.with_config(key, value))
            });
            Arc::new(builder.build().doing(Next::Refuse, doing())?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder =
                GoogleCloudStorageBuilder::new().with_url(url.as_str()).with_client_options(client());
            let builder = known(options).fold(builder.with_retry(retry()), |builder, (key, value)| {
                key.parse().into_iter().fold(builder, |builder, key| builder.with_config(key, value))
            });
            Arc::new(builder.build().doing(Next::Refuse, doing())?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::new().with_url(url.as_str()).with_client_options(client());
            let builder = known(options).fold(builder.with_retry(retry()), |builder, (key, value)| {
                key.parse().into_iter().fold(builder, |builder, key| builder.with_config(key, value))
            });
            Arc::new(builder.build().doing(Next::Refuse, doing())?)
        }
        _ => {
            let what = format!("store.url {url} is of no kind that is known: s3://, gs://, az:// or file://");
            return Err(Error::new(Next::Refuse, what));
        }
    };
    let name = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    Ok((Arc::new(Home { inner, name }), root))
}

fn known(options: &[(String, String)]) -> impl Iterator<Item = (String, &String)> {
    options.iter().map(|(key, value)| (key.to_ascii_lowercase(), value))
}

fn client() -> ClientOptions {
    ClientOptions::new().with_connect_timeout(CONNECT_TIME_MAX).with_timeout(REQUEST_TIME_MAX)
}

fn retry() -> RetryConfig {
    let (init_backoff, max_backoff) = BACKOFF;
    let backoff = BackoffConfig { init_backoff, max_backoff, base: 2.0 };
    RetryConfig { backoff, max_retries: RETRIES_MAX, retry_timeout: RETRY_TIME_MAX }
}

/// An object store whose failures name the bucket, the key and a remedy.
#[derive(Debug)]
struct Home {
    inner: Arc<dyn ObjectStore>,
    name: String,
}

/// A failure that says what to do.
#[derive(Debug)]
struct Explained {
    what: String,
    cause: object_store::Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.what, self.cause)
    }
}

impl std::error::Error for Explained {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl Home {
    /// Failures that callers tell apart stay what they are; the others are explained.
    fn explain(&self, key: &Path, cause: object_store::Error) -> object_store::Error {
        use object_store::Error::{AlreadyExists, NotFound, Precondition};
        let text = whole(&cause);
        match cause {
            AlreadyExists { .. } => cause,
            // A conditional create that found an object already there.
            Precondition { path, source } => AlreadyExists { path, source },
            NotFound { .. } if !is_bucket_missing(&text) => cause,
            _ => {
                let what = format!("{} (key {key}) {}", self.name, remedy(&text));
                object_store::Error::Generic {
                    store: "store.url",
                    source: Box::new(Explained { what, cause }),
                }
            }
        }
    }
}

/// What the failure says, and what every cause below it says.
fn whole(cause: &object_store::Error) -> String {
    let mut text = cause.to_string();
    let mut below = std::error::Error::source(cause);
    while let Some(cause) = below {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        below = cause.source();
    }
    text
}

fn is_bucket_missing(text: &str) -> bool {
    ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// What went wrong and what to do, by the words of the failure.
fn remedy(text: &str) -> &'static str {
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    if is_bucket_missing(text) {
        "does not exist there: create the bucket, or correct store.url"
    } else if says(&["BareRedirect", "without LOCATION", "PermanentRedirect", "AuthorizationHeaderMalformed"])
    {
        "is in another region: set AWS_REGION to the region of the bucket"
    } else if says(&["SignatureDoesNotMatch", "InvalidAccessKeyId", "NotSignedUp", "Unauthenticated"]) {
        "does not accept the keys: look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    } else if says(&["RequestTimeTooSkewed"]) {
        "refuses since this machine's clock is wrong: set the clock"
    } else if says(&["403", "AccessDenied"]) {
        "refuses access: the keys need the rights to list the bucket and to get, put and delete its objects"
    } else if says(&["certificate", "UnknownIssuer", "TLS", "CorruptMessage"]) {
        "cannot be trusted: its TLS certificate comes from an authority that this machine does not know"
    } else if says(&["URL scheme is not allowed", "scheme is not allowed"]) {
        "is to be reached without TLS: set AWS_ALLOW_HTTP to true if that is meant"
    } else if says(&["dns error", "failed to lookup", "error sending request", "onnect"]) {
        "cannot be reached: look at AWS_ENDPOINT_URL and at the network"
    } else {
        "failed"
    }
}

impl fmt::Display for Home {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

#[async_trait]
impl ObjectStore for Home {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.inner.put_opts(at, payload, options).await.map_err(|cause| self.explain(at, cause))
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await.map_err(|cause| self.explain(at, cause))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(at, options).await.map_err(|cause| self.explain(at, cause))
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        self.inner.get_ranges(at, ranges).await.map_err(|cause| self.explain(at, cause))
    }

    fn delete_stream(
        &self,
        at: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let home = Self { inner: self.inner.clone(), name: self.name.clone() };
        let at = prefix.cloned().unwrap_or_default();
        self.inner.list(prefix).map_err(move |cause| home.explain(&at, cause)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await.map_err(|cause| self.explain(from, cause))
    }
}
