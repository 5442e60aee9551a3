//! Attachments in and out of the station.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use proto::v1;
use tonic::Status;

use super::{Api, no};
use crate::{
    limits,
    plan::secrecy,
    post::{envelope::Digest, refusal::Code},
    store::attachments::AttachmentError,
};

/// Bytes of one message when a file is read back.
const READ_BYTES: u32 = 256 * 1024;

impl Api {
    /// A document may only name files that are on this disk: whoever gets it will ask for them here.
    pub(super) fn files_are_here(&self, request: &v1::FileRequest) -> Result<(), Status> {
        for attachment in &request.attachments {
            let held =
                Digest::try_from(&attachment.digest[..]).ok().and_then(|digest| self.pieces.files().have(&digest));
            if held != Some(attachment.length) {
                let reason = format!("{} is not on this station: attach it first", attachment.name);
                return Err(no(Code::AttachmentNotHere, &reason, &[&attachment.name]));
            }
        }
        Ok(())
    }

    /// How much of each file is here.
    pub(super) fn add_files(&self, document: &mut v1::DocumentView) {
        let attachments = document.header.iter().flat_map(|header| &header.attachments);
        document.attachments = attachments
            .map(|attachment| {
                let digest = Digest::try_from(&attachment.digest[..]).unwrap_or_default();
                let files = self.pieces.files();
                let held = files.have(&digest).unwrap_or_else(|| files.partial(&digest));
                v1::AttachmentView { attachment: Some(attachment.clone()), held }
            })
            .collect();
    }

    /// Takes a file, part by part; it is on this disk when this returns.
    pub async fn take_file(
        &self,
        mut parts: impl Stream<Item = Result<v1::AttachRequest, Status>> + Unpin,
    ) -> Result<v1::Attachment, Status> {
        let mut writer = self.pieces.files().begin_local().map_err(from_attachment)?;
        let mut attachment = v1::Attachment::default();
        while let Some(part) = parts.next().await {
            let part = part?;
            if !part.name.is_empty() {
                attachment.name = part.name;
                attachment.media_type = part.media_type;
            }
            attachment.length += part.bytes.len() as u64;
            if attachment.length > limits::ATTACHMENT_BYTES_MAX {
                let most = limits::ATTACHMENT_BYTES_MAX.to_string();
                let reason = format!("an attachment has at most {most} bytes");
                return Err(no(Code::AttachmentTooLarge, &reason, &[&most]));
            }
            writer = tokio::task::spawn_blocking(move || writer.write(&part.bytes).map(|()| writer))
                .await
                .map_err(internal)?
                .map_err(from_attachment)?;
        }
        let finished = tokio::task::spawn_blocking(move || writer.finish()).await.map_err(internal)?;
        let (digest, _) = finished.map_err(from_attachment)?;
        attachment.digest = Bytes::copy_from_slice(&digest);
        Ok(attachment)
    }

    pub(super) async fn give_file(
        &self,
        request: v1::FetchRequest,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<v1::FetchResponse, Status>> + Send>>, Status> {
        let digest =
            Digest::try_from(&request.digest[..]).map_err(|_| no(Code::NotADigest, "a digest has 32 bytes", &[]))?;
        self.may_have(digest, request.officer).await?;
        let files = self.pieces.files().clone();
        let Some(length) = files.have(&digest) else {
            self.held_back(digest).await?;
            let held = files.partial(&digest).to_string();
            let reason = format!("this file is not here yet: {held} bytes have come");
            return Err(no(Code::AttachmentOnItsWay, &reason, &[&held]));
        };
        let (out, parts) = tokio::sync::mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            let mut offset = 0;
            while offset < length {
                let part = files.read(&digest, offset, READ_BYTES).map_err(internal);
                offset += part.as_ref().map_or(length, |bytes| bytes.len() as u64);
                if out.blocking_send(part.map(|bytes| v1::FetchResponse { bytes, length })).is_err() {
                    return;
                }
            }
        });
        Ok(Box::pin(tokio_stream::wrappers::ReceiverStream::new(parts)))
    }
}

impl Api {
    /// A file is for whoever may read one of the documents that name it.
    async fn may_have(&self, digest: Digest, officer: String) -> Result<(), Status> {
        let naming = self.naming(digest).await?;
        match naming.iter().find(|header| !secrecy::may_read(header, &officer)) {
            Some(header) if naming.iter().all(|header| !secrecy::may_read(header, &officer)) => {
                let reason = format!("{} is for officers by name, and not for this one", header.number);
                Err(no(Code::NotForYou, &reason, &[&header.number]))
            }
            _ => Ok(()),
        }
    }

    /// A file whose digest alone has travelled will not come.
    async fn held_back(&self, digest: Digest) -> Result<(), Status> {
        let naming = self.naming(digest).await?;
        let files = naming.iter().flat_map(|header| header.attachments.iter().map(move |file| (header, file)));
        match files.into_iter().find(|(_, file)| file.held_back && file.digest == digest[..]) {
            Some((header, file)) => {
                let (name, unit) = (&file.name, &header.origin);
                let reason = format!("{name} stays at {unit}: only its digest has travelled");
                Err(no(Code::AttachmentHeldBack, &reason, &[name, unit]))
            }
            None => Ok(()),
        }
    }

    /// The documents here that name a file.
    async fn naming(&self, digest: Digest) -> Result<Vec<v1::Header>, Status> {
        let found = self.engine.ask(move |desk| {
            let blocks = desk.post.naming(&digest).into_iter();
            let copies = blocks.flat_map(|arrival| desk.post.block_copies(arrival, desk.read));
            let names = |header: &v1::Header| header.attachments.iter().any(|file| file.digest == digest[..]);
            copies.map(|copy| copy.header).filter(names).collect()
        });
        found.await.map_err(super::from_stopped)
    }
}

fn from_attachment(error: AttachmentError) -> Status {
    match &error {
        AttachmentError::NoRoom { .. } => no(Code::DiskNearlyFull, &error.to_string(), &[]),
        AttachmentError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            no(Code::DiskFull, &error.to_string(), &[])
        }
        _ => internal(error),
    }
}

fn internal(error: impl std::fmt::Display) -> Status {
    let why = error.to_string();
    no(Code::AttachmentFailed, &why, &[&why])
}
