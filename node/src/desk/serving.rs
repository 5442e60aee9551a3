//! The health of the local interface, as gRPC asks for it: serving while work is accepted and the engine turns.

use std::time::Duration;

use proto::v1::station_server::SERVICE_NAME;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::telemetry::Health;

/// How soon a change is told.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells it for as long as the station lives: for the service by name, and for the process as a whole.
pub async fn report(reporter: HealthReporter, health: Health) {
    loop {
        let well = health.livez().and_then(|()| health.readyz());
        let status = if well.is_ok() { ServingStatus::Serving } else { ServingStatus::NotServing };
        reporter.set_service_status("", status).await;
        reporter.set_service_status(SERVICE_NAME, status).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use tonic::Request;
    use tonic_health::pb::{HealthCheckRequest, health_server::Health as _};

    use super::*;

    #[tokio::test]
    async fn it_serves_while_work_is_accepted() {
        let reporter = HealthReporter::new();
        let service = tonic_health::server::HealthService::from_health_reporter(reporter.clone());
        let health = Health::default();
        let telling = tokio::spawn(report(reporter, health.clone()));
        let ask = async |name: &str| {
            let request = HealthCheckRequest { service: name.to_owned() };
            service.check(Request::new(request)).await.map(|answer| answer.into_inner().status())
        };
        let until = async |wanted: ServingStatus| {
            for name in ["", SERVICE_NAME] {
                let wanted = wanted as i32;
                let told = async {
                    while ask(name).await.map_or(-1, |status| status as i32) != wanted {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                };
                tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
            }
        };
        until(ServingStatus::NotServing).await;
        health.ready();
        until(ServingStatus::Serving).await;
        health.unready("the engine has stopped");
        until(ServingStatus::NotServing).await;
        telling.abort();
    }
}
