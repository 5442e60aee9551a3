//! Attachments, piece by piece, on a stream of their own.
//!
//! Whoever needs a file asks for its next piece and only then for the one after: one piece is under way at a time, its
//! size follows the line (a slow line gets small ones), so a 64 MiB file never puts more than one piece in front of
//! a 特提. After a cut the asking goes on where the file on disk ends.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use proto::v1::{self, link_client::LinkClient, piece::Piece as Content};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::{io::Timestamp, post::envelope::Digest, store::attachments::Attachments, topology::Unit};

/// The first piece asked for, and the bounds within which its size follows the line.
const PIECE_FIRST: u32 = 16 * 1024;
const PIECE_LEAST: u32 = 4 * 1024;
const PIECE_MOST: u32 = 64 * 1024;
/// A piece that takes longer than this was too large for the line; one that takes a fifth of it was too small.
const PIECE_TAKES: Duration = Duration::from_millis(500);
/// A neighbour that does not have a file (yet) is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The files of a station and what it still needs of them.
#[derive(Clone)]
pub struct Pieces {
    files: Arc<Attachments>,
    wanted: Arc<Mutex<BTreeMap<Digest, Wanted>>>,
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Clone)]
struct Wanted {
    length: u64,
    from: Unit,
    not_before: Option<Instant>,
}

impl Pieces {
    /// Nothing wanted yet.
    pub fn new(files: Arc<Attachments>) -> Self {
        Self { files, wanted: Arc::default(), changed: Arc::new(watch::channel(0).0) }
    }

    /// The files.
    pub fn files(&self) -> &Arc<Attachments> {
        &self.files
    }

    /// A document that came from `from` has this file: it is fetched unless it is here.
    pub fn want(&self, from: &Unit, attachment: &v1::Attachment) {
        let Ok(digest) = Digest::try_from(&attachment.digest[..]) else { return };
        let sensible = attachment.length <= crate::limits::ATTACHMENT_BYTES_MAX;
        if !sensible || self.files.have(&digest).is_some() {
            return;
        }
        self.lock().insert(digest, Wanted { length: attachment.length, from: from.clone(), not_before: None });
        self.changed.send_modify(|n| *n += 1);
    }

    /// No document here has this file any more: it is neither kept nor fetched.
    pub fn forget(&self, digest: &Digest, untouched_since: Timestamp) {
        self.lock().remove(digest);
        if let Err(error) = self.files.remove(digest, untouched_since) {
            tracing::warn!(%error, "a file that no document has any more stays for now");
        }
    }

    /// Our end of the stream on a connection we dialled.
    pub async fn dialled(self, mut client: LinkClient<Channel>, peer: Unit) {
        let (out, outgoing) = mpsc::channel(4);
        match client.attachments(ReceiverStream::new(outgoing)).await {
            Ok(response) => self.exchange(&peer, response.into_inner(), out).await,
            Err(status) => tracing::debug!(%peer, %status, "no attachments on this connection"),
        }
    }

    /// Our end of the stream on a connection a child made.
    pub fn answered(
        self,
        peer: Unit,
        incoming: Streaming<v1::Piece>,
    ) -> Pin<Box<dyn Stream<Item = Result<v1::Piece, Status>> + Send>> {
        let (out, outgoing) = mpsc::channel(4);
        tokio::spawn(async move { self.exchange(&peer, incoming, out).await });
        Box::pin(ReceiverStream::new(outgoing).map(Ok))
    }

    async fn exchange(
        self,
        peer: &Unit,
        mut incoming: impl Stream<Item = Result<v1::Piece, Status>> + Unpin,
        out: mpsc::Sender<v1::Piece>,
    ) {
        let mut asking = Asking { size: PIECE_FIRST, under_way: None };
        let mut changes = self.changed.subscribe();
        loop {
            if asking.under_way.is_none()
                && let Some(want) = self.next(peer, asking.size)
            {
                let digest = want.digest.clone();
                if out.send(piece(Content::Want(want))).await.is_err() {
                    return;
                }
                asking.under_way = Some((digest, Instant::now()));
            }
            tokio::select! {
                biased;
                received = incoming.next() => match received {
                    Some(Ok(v1::Piece { piece: Some(content) })) => {
                        if self.take(content, &mut asking, &out).await.is_err() {
                            return;
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                _ = changes.changed() => {}
                () = tokio::time::sleep(ASK_AGAIN) => asking.forget_if_old(),
            }
        }
    }

    async fn take(&self, content: Content, asking: &mut Asking, out: &mpsc::Sender<v1::Piece>) -> Result<(), ()> {
        match content {
            Content::Want(want) => {
                let answer = self.answer(want).await;
                out.send(piece(answer)).await.map_err(|_| ())
            }
            Content::Chunk(chunk) => {
                asking.came(&chunk.digest);
                self.keep(chunk).await;
                Ok(())
            }
            Content::Unavailable(unavailable) => {
                asking.came(&unavailable.digest);
                if let Ok(digest) = Digest::try_from(&unavailable.digest[..])
                    && let Some(wanted) = self.lock().get_mut(&digest)
                {
                    wanted.not_before = Some(Instant::now() + ASK_AGAIN);
                }
                Ok(())
            }
        }
    }

    async fn answer(&self, want: v1::Want) -> Content {
        let files = self.files.clone();
        let (digest, offset, length) = (want.digest.clone(), want.offset, want.length.min(PIECE_MOST));
        let read = tokio::task::spawn_blocking(move || {
            let digest = Digest::try_from(&want.digest[..]).ok()?;
            files.have(&digest)?;
            files.read(&digest, offset, length).ok()
        });
        match read.await.ok().flatten() {
            Some(bytes) => Content::Chunk(v1::Chunk { digest, offset, bytes }),
            None => Content::Unavailable(v1::Unavailable { digest, retry_after_ms: 5000 }),
        }
    }

    async fn keep(&self, chunk: v1::Chunk) {
        let Ok(digest) = Digest::try_from(&chunk.digest[..]) else { return };
        let Some(wanted) = self.lock().get(&digest).cloned() else { return };
        let files = self.files.clone();
        let kept = tokio::task::spawn_blocking(move || {
            files.append(&digest, chunk.offset, &chunk.bytes, wanted.length).map(|()| files.have(&digest).is_some())
        });
        match kept.await {
            Ok(Ok(true)) => {
                self.lock().remove(&digest);
                self.changed.send_modify(|n| *n += 1);
            }
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "a piece of an attachment was not kept; it is asked for again");
                if let Some(wanted) = self.lock().get_mut(&digest) {
                    wanted.not_before = Some(Instant::now() + ASK_AGAIN);
                }
            }
            Err(error) => tracing::error!(%error, "writing an attachment failed"),
        }
    }

    fn next(&self, peer: &Unit, size: u32) -> Option<v1::Want> {
        let now = Instant::now();
        let (digest, length) = {
            let wanted = self.lock();
            let due = |w: &&Wanted| w.from == *peer && w.not_before.is_none_or(|at| at <= now);
            wanted.iter().find(|(_, w)| due(w)).map(|(digest, w)| (*digest, w.length))?
        };
        let offset = self.files.partial(&digest);
        let length = u32::try_from(length.saturating_sub(offset)).unwrap_or(u32::MAX).min(size);
        Some(v1::Want { digest: Bytes::copy_from_slice(&digest), offset, length })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Asking {
    size: u32,
    under_way: Option<(Bytes, Instant)>,
}

impl Asking {
    fn came(&mut self, digest: &Bytes) {
        let Some((_, asked)) = self.under_way.take_if(|(asked, _)| asked == digest) else { return };
        let took = asked.elapsed();
        if took > PIECE_TAKES {
            self.size = (self.size / 2).max(PIECE_LEAST);
        } else if took < PIECE_TAKES / 5 {
            self.size = (self.size * 2).min(PIECE_MOST);
        }
    }

    /// A piece that never came is asked for again; the line itself is watched by the heartbeats.
    fn forget_if_old(&mut self) {
        self.under_way.take_if(|(_, asked)| asked.elapsed() > ASK_AGAIN * 4);
    }
}

fn piece(content: Content) -> v1::Piece {
    v1::Piece { piece: Some(content) }
}
