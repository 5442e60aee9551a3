//! Evidence of an event, handed out.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use prost::Message as _;
use proto::v1;
use rustls::pki_types::CertificateDer;
use tonic::Status;

use super::{Api, from_file_error, from_refusal, from_stopped, no};
use crate::{
    evidence::gather::{Errand, Gathering},
    identity::Seals,
    plan::{self, secrecy},
    post::refusal::{Code, Refusal},
};

/// Bytes of one part.
const PART_BYTES: usize = 256 * 1024;

impl Api {
    pub(super) async fn gather(
        &self,
        request: v1::ExportRequest,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<v1::ExportPart, Status>> + Send>>, Status> {
        if request.officer.trim().is_empty() {
            return Err(no(Code::MissingOfficer, "who hands it out?", &[]));
        }
        let (meant, officer) = (request.incident.clone(), request.officer.clone());
        let begun = self.engine.ask(move |desk| {
            let incident = plan::find_incident(desk, &meant)?;
            let mut copies = desk.post.incident(incident, desk.read);
            copies.extend(desk.post.beside(incident, desk.read));
            let guarded: Vec<_> = copies.into_iter().map(|copy| copy.header).filter(secrecy::is_guarded).collect();
            if let Some(header) = guarded.iter().find(|header| !secrecy::may_read(header, &officer)) {
                let reason = format!("{} is for officers by name, and not for {officer}", header.number);
                return Err(Refusal::new(Code::NotForYou, &reason, &[&header.number]));
            }
            Ok((Gathering::of(desk, incident), guarded))
        });
        let (mut gathering, guarded) = begun.await.map_err(from_stopped)?.map_err(from_refusal)?;
        let records: Vec<_> = guarded.iter().map(|header| secrecy::record(header, &request.officer)).collect();
        if !records.is_empty() {
            self.engine.file(records).await.map_err(from_file_error)?;
        }
        while !gathering.is_complete() {
            let looked = self.engine.ask(move |desk| {
                gathering.look(desk);
                gathering
            });
            gathering = looked.await.map_err(from_stopped)?;
        }
        let identity = self.around.identity.load_full();
        let [roots, authorities] = identity.public();
        let bytes_of = |all: &[CertificateDer<'_>]| all.iter().map(|one| Bytes::copy_from_slice(one)).collect();
        let errand = Errand {
            trust_domain: identity.id().trust_domain.clone(),
            officer: request.officer,
            purpose: request.purpose,
            roots: bytes_of(roots),
            authorities: bytes_of(authorities),
        };
        let hand = Seals::new(self.around.identity.clone());
        tracing::info!(officer = %errand.officer, "evidence of an event is handed out");
        let evidence = gathering.seal(identity.unit().as_str(), errand, self.io.now(), &hand);
        let bytes = Bytes::from(evidence.encode_to_vec());
        let length = bytes.len() as u64;
        let parts = (0..bytes.len()).step_by(PART_BYTES).map(move |from| {
            let to = bytes.len().min(from + PART_BYTES);
            Ok(v1::ExportPart { bytes: bytes.slice(from..to), length })
        });
        Ok(Box::pin(futures_util::stream::iter(parts.collect::<Vec<_>>())))
    }
}
