//! What a station finds out about itself before an exam, beside what its people say: certificates, clock, disk.

use std::time::Duration;

use proto::v1::{self, Readiness, document::Content};
use tonic::Status;

use super::{Api, from_stopped};
use crate::{io::Timestamp, limits, plan::readiness};

impl Api {
    /// 考前准备 goes out with what the machine knows; nobody says that for it.
    pub(super) async fn add_machines_points(&self, request: &mut v1::FileRequest) -> Result<(), Status> {
        let content = request.document.as_mut().and_then(|document| document.content.as_mut());
        let Some(Content::Preparation(said)) = content else { return Ok(()) };
        said.points.iter_mut().for_each(|point| point.machine = false);
        let asked = self.engine.ask(|desk| {
            let ends = desk.shelf.in_force(desk).exam.ends();
            (readiness::of_machine(desk), ends.unwrap_or(desk.now))
        });
        let (points, ends) = asked.await.map_err(from_stopped)?;
        let status = self.status().await?;
        said.points.extend(points.iter().filter_map(|point| found(&point.code, &status, ends)));
        Ok(())
    }
}

/// How it stands with one of them, in figures.
fn found(code: &str, status: &v1::StatusView, exam_ends: Timestamp) -> Option<v1::Prepared> {
    let (ready, note) = match code {
        "certificates" => {
            let soonest = status.certificates.iter().map(|one| one.not_after_us).min().unwrap_or(0);
            let until = Timestamp::from_us(soonest);
            (
                until > exam_ends + limits::CERTIFICATES_OUTLIVE,
                format!("not-after {}", crate::identity::readable(until)),
            )
        }
        "clock" => {
            let parent = status.links.iter().find(|link| link.parent)?;
            let known = parent.offset_uncertainty_us > 0;
            let near = parent.offset_us.unsigned_abs() < us(limits::CLOCKS_APART);
            (known && near, format!("offset {} us ± {} us", parent.offset_us, parent.offset_uncertainty_us))
        }
        "disk" => {
            let free = status.store.as_ref().map_or(0, |store| store.free_bytes);
            (free >= limits::DISK_FREE_LEAST, format!("free {free} bytes"))
        }
        // A policy newer than this station asks for what it cannot find out.
        _ => return None,
    };
    let state = if ready { Readiness::Done } else { Readiness::NotYet };
    Some(v1::Prepared { code: code.to_owned(), state: state.into(), note, machine: true })
}

fn us(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn row_1_6_in_part_a_station_knows_of_itself_what_would_fail_in_the_exam() {
        let ends = Timestamp::from_us(100 * DAY);
        let status = |not_after: i64, offset_us: i64, uncertainty: u32, free_bytes: u64| v1::StatusView {
            certificates: vec![v1::CertificateView { not_after_us: not_after, ..Default::default() }],
            links: vec![v1::LinkView {
                parent: true,
                offset_us,
                offset_uncertainty_us: uncertainty,
                ..Default::default()
            }],
            store: Some(v1::StoreView { free_bytes, ..Default::default() }),
            ..Default::default()
        };
        let state = |code: &str, status: &v1::StatusView| found(code, status, ends).map(|one| one.state());
        let good = status(102 * DAY, 900, 50, limits::DISK_FREE_LEAST);
        let bad = status(100 * DAY, -2_000_000, 50, 0);
        for code in ["certificates", "clock", "disk"] {
            assert_eq!(state(code, &good), Some(Readiness::Done), "{code}");
            assert_eq!(state(code, &bad), Some(Readiness::NotYet), "{code}");
        }
        assert_eq!(state("clock", &status(0, 0, 0, 0)), Some(Readiness::NotYet), "never compared");
        assert_eq!(state("weather", &good), None);
    }
}
