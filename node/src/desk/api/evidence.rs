//! Evidence of an event, handed out.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use prost::Message as _;
use proto::v1;
use rustls::pki_types::CertificateDer;
use tonic::Status;

use super::{Api, from_refusal, from_stopped, no};
use crate::{
    evidence::gather::{Errand, Gathering},
    identity::Seals,
    plan,
    post::refusal::Code,
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
        let meant = request.incident.clone();
        let begun = self.engine.ask(move |desk| {
            let incident = plan::find_incident(desk, &meant)?;
            Ok(Gathering::of(desk, incident))
        });
        let mut gathering = begun.await.map_err(from_stopped)?.map_err(from_refusal)?;
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
