//! Accounts: who may work at this desk. Every change is in the journal before it is made.

use proto::v1::{
    self, Classification, Document, FileRequest, Kind, LogEntry, LogMatter, Precedence, Status as Reality,
    document::Content,
};
use tonic::Status;

use super::{Api, from_file_error, from_refusal, no};
use crate::{
    desk::officers::{NotManaged, deeds},
    post::refusal::Code,
};

/// Whoever may open the station's socket, where nobody else is named.
const OPERATOR: &str = "operator";

impl Api {
    pub(super) async fn manage(&self, request: v1::OfficersRequest) -> Result<v1::OfficersResponse, Status> {
        if !request.name.trim().is_empty() {
            self.officers.check(&request).map_err(from_refusal)?;
            let by = if request.by.trim().is_empty() { OPERATOR } else { request.by.trim() };
            self.engine.file(vec![entry(by, &request.name, &deeds(&request))]).await.map_err(from_file_error)?;
            self.officers.manage(request).await.map_err(|error| match error {
                NotManaged::Refused(refusal) => from_refusal(refusal),
                NotManaged::Disk(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                    no(Code::DiskFull, &error.to_string(), &[])
                }
                NotManaged::Disk(error) => Status::internal(error.to_string()),
            })?;
        }
        Ok(v1::OfficersResponse { officers: self.officers.list() })
    }

    /// Writes down who came, who left, and who was not let in. Nobody is kept out because that cannot be written: with a full
    /// disk the desk is needed most, and what he then writes has his name on it.
    pub(crate) async fn note_account(&self, officer: &str, what: &str) {
        if let Err(error) = self.engine.file(vec![entry(officer, officer, what)]).await {
            tracing::warn!(officer, what, ?error, "this is not in the journal");
        }
    }
}

fn entry(by: &str, officer: &str, what: &str) -> FileRequest {
    let entry = LogEntry {
        matter: LogMatter::Account.into(),
        other: officer.trim().to_owned(),
        text: what.to_owned(),
        ..Default::default()
    };
    FileRequest {
        document: Some(Document { content: Some(Content::LogEntry(entry)) }),
        kind: Kind::LogEntry.into(),
        status: Reality::Actual.into(),
        precedence: Precedence::Routine.into(),
        classification: Classification::Internal.into(),
        officer: by.trim().to_owned(),
        ..Default::default()
    }
}
