//! Reports climb, directives descend, and everyone knows how far each has come.

use proto::v1::{self, Kind, Precedence, Stage};
use tests::{
    country::{Country, eventually, small, unit},
    papers,
};

/// Whether a recipient itself says so; custody is what its neighbour says.
fn reached(view: &v1::DocumentView, recipient: &str, stage: Stage) -> bool {
    let at = |station: &str, stage| stage == Stage::Custody || station == recipient;
    view.recipients
        .iter()
        .any(|r| r.unit == recipient && r.stages.iter().any(|s| s.stage() == stage && at(s.station.as_str(), stage)))
}

async fn until_reached(
    desk: &mut node::desk::client::Station,
    number: &str,
    recipient: &str,
    stage: Stage,
) -> v1::DocumentView {
    eventually(&format!("{number} is {stage:?} at {recipient}"), async || {
        let view = desk.get(v1::GetRequest { document: number.into(), ..Default::default() }).await.ok()?.into_inner();
        reached(&view, recipient, stage).then_some(view)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn row_3_7_in_part_a_report_climbs_three_tiers_waits_out_a_cut_and_comes_back_signed() {
    let mut country = Country::start(&small()).await;
    let (wuhan, hubei, hub) = (unit("420100"), unit("420000"), unit("000000"));
    let mut district = country.desk(&wuhan).await;
    let mut ministry = country.desk(&hub).await;
    let mut province = country.desk(&hubei).await;

    // Up, with the line above the province cut: it waits at the province.
    country.cut(&hubei);
    let filed = district.file(papers::report("启封时发现一袋封装损毁", Precedence::TeJi)).await.unwrap().into_inner();
    let number = filed.number.clone();
    assert!(number.starts_with("R-420100-"), "{number}");
    until_reached(&mut district, &number, "000000", Stage::Custody).await;
    province.act(papers::act(&number, Stage::Signed, "")).await.unwrap();
    assert!(
        ministry.get(v1::GetRequest { document: number.clone(), ..Default::default() }).await.is_err(),
        "nothing passes a cut line"
    );

    // A follow-up and a kill -9 of everybody do not matter.
    let second = papers::follow_up(&number, "已控制现场", Kind::FollowUpReport, Precedence::TeTi);
    let second = district.file(second).await.unwrap().into_inner();
    for station in [&wuhan, &hubei, &hub] {
        country.kill(station);
        country.revive(station);
    }
    let mut district = country.desk(&wuhan).await;
    let mut ministry = country.desk(&hub).await;
    country.heal(&hubei);
    until_reached(&mut district, &number, "000000", Stage::Delivered).await;
    until_reached(&mut district, &second.number, "000000", Stage::Delivered).await;
    ministry.act(papers::act(&number, Stage::Signed, "")).await.unwrap();
    let view = until_reached(&mut district, &number, "000000", Stage::Signed).await;
    let by: Vec<_> =
        view.recipients[0].stages.iter().map(|s| (s.stage(), s.station.as_str(), s.officer.as_str())).collect();
    assert!(
        by.contains(&(Stage::Signed, "420000", "王五")) && by.contains(&(Stage::Signed, "000000", "王五")),
        "{by:?}"
    );

    // At the ministry: once, in order, with the way it came.
    let list = ministry
        .list(v1::ListRequest { r#box: v1::Box::Received.into(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    let mut numbers: Vec<_> = list.documents.iter().map(|d| d.header.as_ref().unwrap().number.clone()).collect();
    numbers.sort();
    assert_eq!(numbers, [number.clone(), second.number.clone()]);
    let view =
        ministry.get(v1::GetRequest { document: second.number, ..Default::default() }).await.unwrap().into_inner();
    assert!(!view.orphan && view.related == [number]);
    let way: Vec<_> = view.passages.iter().map(|p| p.station.as_str()).collect();
    assert_eq!(way, ["420100", "420000", "000000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_3_5_in_part_a_directive_descends_to_all_and_is_signed_for_undertaken_and_done() {
    let country = Country::start(&small()).await;
    let mut ministry = country.desk(&unit("000000")).await;
    let filed = ministry.file(papers::directive(&["all"], Precedence::TeTi)).await.unwrap().into_inner();
    assert_eq!(filed.recipients, 6);
    for place in country.topology().places().filter(|place| place.parent.is_some()) {
        let mut desk = country.desk(&place.unit).await;
        eventually("the directive is here", async || {
            desk.get(v1::GetRequest { document: filed.number.clone(), ..Default::default() }).await.ok().map(drop)
        })
        .await;
        for stage in [Stage::Signed, Stage::Undertaken, Stage::Completed] {
            desk.act(papers::act(&filed.number, stage, "")).await.unwrap();
        }
        assert!(desk.act(papers::act(&filed.number, Stage::Signed, "")).await.is_err(), "once");
        until_reached(&mut ministry, &filed.number, place.unit.as_str(), Stage::Completed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_closed_only_by_an_answer_and_a_cancel_by_its_author() {
    let country = Country::start(&small()).await;
    let mut district = country.desk(&unit("350500")).await;
    let mut ministry = country.desk(&unit("000000")).await;
    let asked = district.file(papers::request("中止第三考场考试")).await.unwrap().into_inner();
    until_reached(&mut district, &asked.number, "000000", Stage::Delivered).await;
    let view = district
        .get(v1::GetRequest { document: asked.number.clone(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(view.standing(), v1::Standing::Active);
    let answer = ministry.file(papers::approval(&asked.number)).await.unwrap().into_inner();
    let again = ministry.file(papers::approval(&asked.number)).await.unwrap_err();
    assert!(again.message().starts_with("already-answered"), "{again}");
    let closed = eventually("the request is closed", async || {
        let view = district
            .get(v1::GetRequest { document: asked.number.clone(), ..Default::default() })
            .await
            .ok()?
            .into_inner();
        (view.standing() == v1::Standing::Closed).then_some(view)
    })
    .await;
    assert_eq!(closed.standing_by, answer.number);

    let mut other = country.desk(&unit("420500")).await;
    let wrong = other.file(papers::report("误报一件", Precedence::Routine)).await.unwrap().into_inner();
    other.file(papers::cancel(&wrong.number)).await.unwrap();
    let void = eventually("the report is void at the ministry", async || {
        let view = ministry
            .get(v1::GetRequest { document: wrong.number.clone(), ..Default::default() })
            .await
            .ok()?
            .into_inner();
        (view.standing() == v1::Standing::Cancelled).then_some(view)
    })
    .await;
    assert!(void.standing_by.starts_with("C-420500-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_files_once_and_rules_are_named() {
    let country = Country::start(&small()).await;
    let mut district = country.desk(&unit("420100")).await;
    let keyed = v1::FileRequest { idempotency_key: "k-1".into(), ..papers::report("一件", Precedence::Routine) };
    let first = district.file(keyed.clone()).await.unwrap().into_inner();
    let again = district.file(keyed).await.unwrap().into_inner();
    assert!(!first.repeated && again.repeated && first.id == again.id);

    let smuggled = district.file(papers::report("情况如上,请批示", Precedence::Routine)).await.unwrap_err();
    assert!(smuggled.message().starts_with("request-in-report"), "{smuggled}");
    let nobody = v1::FileRequest { status: 0, ..papers::report("一件", Precedence::Routine) };
    assert!(district.file(nobody).await.unwrap_err().message().starts_with("missing-status"));
    let downward = district.file(papers::directive(&["all"], Precedence::TeTi)).await.unwrap_err();
    assert!(downward.message().starts_with("not-a-superior"), "{downward}");
}
