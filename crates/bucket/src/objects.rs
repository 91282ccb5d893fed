//! The objects of the bucket, in memory, behind the calls of S3 that stores make.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

/// Keys of one page of a listing: few, so that tests turn pages.
const PAGE_KEYS: usize = 100;

/// The objects; cheap to clone, all clones see the same.
#[derive(Clone)]
pub(crate) struct Objects {
    bucket: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    /// What listings show while they lag.
    listed: Option<BTreeMap<String, Object>>,
    uploads: BTreeMap<String, BTreeMap<i32, Bytes>>,
    uploads_begun: u64,
    version: u64,
}

#[derive(Clone)]
struct Object {
    content: Bytes,
    modified: SystemTime,
    version: u64,
}

impl Objects {
    pub(crate) fn new(bucket: &str) -> Self {
        Self { bucket: bucket.into(), state: Arc::default() }
    }

    pub(crate) fn lag(&self, lags: bool) {
        let mut state = self.lock();
        match (lags, state.listed.is_some()) {
            (true, false) => state.listed = Some(state.objects.clone()),
            (false, _) => state.listed = None,
            (true, true) => {}
        }
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    pub(crate) fn content(&self, key: &str) -> Option<Bytes> {
        self.lock().objects.get(key).map(|object| object.content.clone())
    }

    pub(crate) fn put(&self, key: &str, content: Bytes) {
        self.lock().put(key.into(), content);
    }

    pub(crate) fn delete(&self, key: &str) {
        self.lock().objects.remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, bucket: &str, key: &str) -> S3Result<Object> {
        self.is_here(bucket)?;
        self.lock().objects.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    fn is_here(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.bucket { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }
}

impl State {
    #[expect(clippy::disallowed_methods, reason = "a client looks at the age of objects by its own clock")]
    fn put(&mut self, key: String, content: Bytes) -> ETag {
        self.version += 1;
        let object = Object { content, modified: SystemTime::now(), version: self.version };
        let tag = object.tag();
        self.objects.insert(key, object);
        tag
    }

    /// Both looks and writes under one lock: of two who create the same object, one is refused.
    fn put_if(&mut self, condition: Option<&ETagCondition>, key: String, content: Bytes) -> S3Result<ETag> {
        if condition.is_some_and(ETagCondition::is_any) && self.objects.contains_key(&key) {
            return Err(s3_error!(PreconditionFailed));
        }
        Ok(self.put(key, content))
    }
}

impl Object {
    fn tag(&self) -> ETag {
        ETag::Strong(format!("{:032x}", self.version))
    }
}

async fn whole(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        whole.extend_from_slice(&piece.map_err(|_| s3_error!(IncompleteBody))?);
    }
    Ok(whole.freeze())
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let object = self.find(&input.bucket, &input.key)?;
        let length = object.content.len() as u64;
        let range = input.range.map(|range| range.check(length)).transpose()?;
        let content = match &range {
            Some(range) => object.content.slice(range.start as usize..range.end as usize),
            None => object.content.clone(),
        };
        let shown =
            |range: &std::ops::Range<u64>| format!("bytes {}-{}/{length}", range.start, range.end - 1);
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(content.len() as i64),
            content_range: range.as_ref().map(shown),
            last_modified: Some(Timestamp::from(object.modified)),
            e_tag: Some(object.tag()),
            body: Some(StreamingBlob::wrap(stream::iter([Ok::<_, std::io::Error>(content)]))),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let object = self.find(&request.input.bucket, &request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(object.content.len() as i64),
            last_modified: Some(Timestamp::from(object.modified)),
            e_tag: Some(object.tag()),
            ..Default::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.is_here(&input.bucket)?;
        let content = whole(input.body).await?;
        let tag = self.lock().put_if(input.if_none_match.as_ref(), input.key, content)?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(tag), ..Default::default() }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.is_here(&request.input.bucket)?;
        self.lock().objects.remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.is_here(&request.input.bucket)?;
        let mut state = self.lock();
        let deleted = request.input.delete.objects.into_iter().map(|object| {
            state.objects.remove(&object.key);
            DeletedObject { key: Some(object.key), ..Default::default() }
        });
        let deleted = deleted.collect();
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..Default::default() }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.is_here(&input.bucket)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.or(input.start_after).unwrap_or_default();
        let state = self.lock();
        let objects = state.listed.as_ref().unwrap_or(&state.objects);
        let matching = objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
        let mut found: Vec<_> = matching.take(PAGE_KEYS + 1).collect();
        let is_truncated = found.len() > PAGE_KEYS;
        found.truncate(PAGE_KEYS);
        let next = found.last().filter(|_| is_truncated).map(|(key, _)| (*key).clone());
        let shown = |(key, object): (&String, &Object)| s3s::dto::Object {
            key: Some(key.clone()),
            size: Some(object.content.len() as i64),
            last_modified: Some(Timestamp::from(object.modified)),
            e_tag: Some(object.tag()),
            ..Default::default()
        };
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: Some(found.len() as i32),
            contents: Some(found.into_iter().map(shown).collect()),
            is_truncated: Some(is_truncated),
            next_continuation_token: next,
            name: Some(input.bucket),
            prefix: Some(prefix),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.is_here(&request.input.bucket)?;
        let mut state = self.lock();
        state.uploads_begun += 1;
        let id = format!("upload-{}", state.uploads_begun);
        state.uploads.insert(id.clone(), BTreeMap::new());
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(request.input.bucket),
            key: Some(request.input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let content = whole(input.body).await?;
        let mut state = self.lock();
        let upload = state.uploads.get_mut(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        upload.insert(input.part_number, content);
        let tag = Some(ETag::Strong(format!("part-{}", input.part_number)));
        Ok(S3Response::new(UploadPartOutput { e_tag: tag, ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let mut state = self.lock();
        let upload = state.uploads.remove(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let content: Vec<u8> = upload.into_values().flatten().collect();
        let tag = state.put_if(input.if_none_match.as_ref(), input.key.clone(), content.into())?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(tag),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.lock().uploads.remove(&request.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
