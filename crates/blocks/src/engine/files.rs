//! Blocks as files, for who wants a copy: those that lie within a question whole, and the spans of all others.

use std::{path::Path, sync::Arc};

use futures_util::TryStreamExt;
use model::{Tenant, TimeRange};
use tokio::io::AsyncWriteExt;

use super::{Engine, shelf::FILES};
use crate::{
    block::BlockView,
    error::{Doing, Error, Next, Result},
    manifest::{Block, BlockMeta},
    search::{Scan, Sources},
};

/// Everything of a tenant that starts inside a range, at one instant.
#[derive(Debug)]
pub struct Parts {
    /// Blocks that hold nothing else, and nothing that stands elsewhere, too; oldest first.
    pub whole: Vec<BlockMeta>,
    /// What the others hold, each span once.
    pub rest: Scan,
}

impl Engine {
    /// Divides what a tenant has in a range into whole blocks and single spans. A copy of a whole block is an exact
    /// answer as long as the block is not dropped meanwhile, which [`Settings::is_tended`](crate::Settings) prevents.
    ///
    /// # Errors
    /// If not everything could be read at the start.
    pub async fn parts(&self, tenant: &Tenant, time: TimeRange) -> Result<Parts> {
        self.inner.recovery.settled().await;
        if let Some(reason) = self.inner.recovery.missing() {
            return Err(Error::new(Next::Retry, reason));
        }
        let manifest = self.inner.manifest.lock().await;
        let is_inside = |block: &&Block| {
            let meta = &block.meta;
            meta.tenants == [tenant.to_string()] && time.contains(meta.start_ns) && time.contains(meta.end_ns)
        };
        let visible = self.inner.head.visible(tenant);
        let listed = manifest.state().blocks.values().filter(is_inside);
        let with_view = |block: &Block| Some((block.meta.clone(), self.inner.head.view(&block.meta.id)?));
        let mut inside: Vec<(BlockMeta, Arc<BlockView>)> = listed.filter_map(with_view).collect();
        drop(manifest);
        inside.sort_by_key(|(meta, _)| meta.start_ns);
        let memory = Some(self.memory());
        let sources = Sources { head: visible.head, blocks: visible.blocks, memory };
        let mut rest = Scan::new(sources, tenant, time);
        let divided = tokio::task::spawn_blocking(move || {
            let (metas, views): (Vec<_>, Vec<_>) = inside.into_iter().unzip();
            let whole = rest.set_apart(&views);
            Parts { whole: whole.into_iter().map(|at| metas[at].clone()).collect(), rest }
        });
        divided.await.map_err(|_| Error::new(Next::Repair, "the reading of the store panicked"))
    }

    /// Copies the spans of a block into a new file, and compares their checksum.
    ///
    /// # Errors
    /// If a file can't be read or written, or is damaged.
    pub async fn copy(&self, meta: &BlockMeta, to: &Path) -> Result<()> {
        let doing = || format!("copy block {} to {}", meta.id, to.display());
        let mut content = self.inner.shelf.read(&meta.id, FILES[0]).await?;
        let mut file = tokio::fs::File::create_new(to).await.doing(Next::Refuse, doing())?;
        let (mut crc, mut length) = (0, 0);
        while let Some(bytes) = content.try_next().await.doing(Next::Retry, doing())? {
            crc = crc32c::crc32c_append(crc, &bytes);
            length += bytes.len() as u64;
            file.write_all(&bytes).await.doing(Next::Retry, doing())?;
        }
        file.sync_all().await.doing(Next::Retry, doing())?;
        if (length, crc) != (meta.data_bytes, meta.data_crc) {
            let what = format!(
                "{} of block {} is damaged: its checksum does not hold; see `faden store check`",
                FILES[0], meta.id
            );
            return Err(Error::new(Next::Repair, what));
        }
        Ok(())
    }
}
