//! Bad news comes back to the office that wrote.

use std::time::Duration;

use node::io::{Io, Machine};
use proto::v1::{self, Precedence, Stage, Standing};
use tests::{
    country::{Country, eventually, small, unit},
    papers,
};

/// Who says what, in the order it was said.
fn bad_news(view: &v1::DocumentView) -> Vec<(Stage, &str)> {
    let stages = view.recipients.iter().flat_map(|recipient| &recipient.stages);
    let bad = stages.filter(|s| matches!(s.stage(), Stage::Delayed | Stage::Expired | Stage::NotDelivered));
    bad.map(|stage| (stage.stage(), stage.station.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_arrive_in_time_is_reported_late_then_expired_and_still_travels() {
    let mut country = Country::start(&small()).await;
    let (wuhan, hubei, hub) = (unit("420100"), unit("420000"), unit("000000"));
    let mut district = country.desk(&wuhan).await;
    country.cut(&hubei);
    let within = |seconds| (Machine.now() + Duration::from_secs(seconds)).us();
    let request = v1::FileRequest {
        deliver_by_us: within(5),
        expires_at_us: within(20),
        ..papers::report("一袋封装损毁", Precedence::TeJi)
    };
    let number = district.file(request).await.unwrap().into_inner().number;
    let get = || v1::GetRequest { document: number.clone(), ..Default::default() };
    let late = eventually("both holders say that it is late", async || {
        let view = district.get(get()).await.ok()?.into_inner();
        (bad_news(&view).len() >= 2).then_some(view)
    })
    .await;
    let mut said = bad_news(&late);
    said.sort();
    assert_eq!(said, [(Stage::Delayed, "420000"), (Stage::Delayed, "420100")]);
    let at_province = |stage: &&v1::StageView| stage.stage() == Stage::Delayed && stage.station == "420000";
    let note = &late.recipients[0].stages.iter().find(at_province).unwrap().note;
    assert!(note.starts_with("waits for 000000"), "{note}");

    // A province that is killed does not say it again.
    country.kill(&hubei);
    country.revive(&hubei);
    let expired = eventually("both say that it has expired", async || {
        let view = district.get(get()).await.ok()?.into_inner();
        (bad_news(&view).len() >= 4).then_some(view)
    })
    .await;
    assert_eq!(expired.standing(), Standing::Expired);

    country.heal(&hubei);
    let mut ministry = country.desk(&hub).await;
    let there = eventually("it arrives all the same", async || ministry.get(get()).await.ok()).await.into_inner();
    assert_eq!(there.standing(), Standing::Expired);
    let told = eventually("the district hears that it arrived", async || {
        let view = district.get(get()).await.ok()?.into_inner();
        view.recipients[0].stages.iter().any(|stage| stage.stage() == Stage::Delivered).then_some(view)
    })
    .await;
    let mut said = bad_news(&told);
    said.sort();
    let (delayed, expired) = (Stage::Delayed, Stage::Expired);
    assert_eq!(said, [(delayed, "420000"), (delayed, "420100"), (expired, "420000"), (expired, "420100")], "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_of_a_report_says_how_the_clocks_on_it_differ() {
    let country = Country::start(&small()).await;
    let mut district = country.desk(&unit("420100")).await;
    let mut ministry = country.desk(&unit("000000")).await;
    eventually("the clocks have been compared", async || {
        let mut compared = true;
        for station in ["420100", "420000"] {
            let mut desk = country.desk(&unit(station)).await;
            let status = desk.get_status(v1::StatusRequest {}).await.ok()?.into_inner();
            compared &= status.links.iter().all(|link| link.offset_uncertainty_us > 0);
        }
        compared.then_some(())
    })
    .await;
    let filed = district.file(papers::report("一件", Precedence::TeJi)).await.unwrap().into_inner();
    let view = eventually("it is there", async || {
        ministry.get(v1::GetRequest { document: filed.number.clone(), ..Default::default() }).await.ok()
    })
    .await
    .into_inner();
    let clocks: Vec<_> =
        view.passages.iter().map(|p| (p.station.as_str(), p.offset_uncertainty_us > 0, p.offset_us.abs())).collect();
    assert_eq!(clocks.iter().map(|(station, ..)| *station).collect::<Vec<_>>(), ["420100", "420000", "000000"]);
    // One machine has one clock: what is measured between two stations on it is close to nothing.
    assert!(clocks[..2].iter().all(|(_, known, apart)| *known && *apart < 1_000_000), "{clocks:?}");
    assert_eq!((clocks[2].1, clocks[2].2), (false, 0), "the ministry has no parent to differ from");
}
