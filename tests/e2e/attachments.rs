//! Files beside documents: they go on where a cut stopped them, arrive as they were, and hold up nothing urgent.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use node::post::envelope::digest;
use proto::v1::{self, Precedence, Stage};
use tests::{
    country::{Country, eventually, small, unit},
    dice::Dice,
    papers,
};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_on_where_the_line_was_cut_and_arrives_as_it_was() {
    let mut country = Country::start(&small()).await;
    let (wuhan, hubei, hub) = (unit("420100"), unit("420000"), unit("000000"));
    let mut district = country.desk(&wuhan).await;
    let mut ministry = country.desk(&hub).await;
    country.pace(&hubei, 2 * MIB as u32);

    let picture = noise(8 * MIB);
    let attachment = attach(&mut district, &picture).await.unwrap();
    assert_eq!(attachment.digest, digest(&picture).as_slice());
    let number = file(&mut district, attachment.clone()).await;

    let half_way = eventually("some of it is at the ministry", async || {
        let held = held(&mut ministry, &number).await?;
        (MIB as u64..7 * MIB as u64).contains(&held).then_some(held)
    })
    .await;
    country.cut(&hubei);
    country.kill(&hub);
    country.revive(&hub);
    let mut ministry = country.desk(&hub).await;
    let kept = held(&mut ministry, &number).await.unwrap();
    assert!(kept >= half_way, "{kept} of {half_way} bytes outlived the ministry's station");

    country.heal(&hubei);
    let mut least = u64::MAX;
    eventually("all of it is at the ministry", async || {
        let held = held(&mut ministry, &number).await?;
        least = least.min(held);
        (held == picture.len() as u64).then_some(())
    })
    .await;
    assert!(least >= kept, "it began again from {least}, and {kept} bytes had been there");

    // The last piece is here; it is checked and named next.
    let request = v1::FetchRequest { digest: attachment.digest, ..Default::default() };
    let mut parts =
        eventually("the file is whole", async || ministry.fetch(request.clone()).await.ok()).await.into_inner();
    let mut arrived = Vec::new();
    while let Some(part) = parts.message().await.unwrap() {
        arrived.extend_from_slice(&part.bytes);
    }
    assert!(arrived == picture, "it is not what was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_under_way_does_not_hold_up_what_is_urgent() {
    let country = Country::start(&small()).await;
    let (wuhan, hubei, hub) = (unit("420100"), unit("420000"), unit("000000"));
    let mut district = country.desk(&wuhan).await;
    let mut ministry = country.desk(&hub).await;
    country.pace(&hubei, MIB as u32 / 2);
    country.pace(&wuhan, MIB as u32 / 2);

    let attachment = attach(&mut district, &noise(6 * MIB)).await.unwrap();
    let number = file(&mut district, attachment).await;
    let mut province = country.desk(&hubei).await;
    eventually("the file is on its way", async || held(&mut province, &number).await.filter(|held| *held > 0)).await;

    let began = Instant::now();
    let urgent = district.file(papers::report("考场起火", Precedence::TeTi)).await.unwrap().into_inner();
    eventually("the urgent report is delivered", async || {
        let view = district
            .get(v1::GetRequest { document: urgent.number.clone(), ..Default::default() })
            .await
            .ok()?
            .into_inner();
        view.recipients[0].stages.iter().any(|s| s.stage() == Stage::Delivered && s.station == "000000").then_some(())
    })
    .await;
    let took = began.elapsed();
    let there = held(&mut ministry, &number).await.unwrap_or(0);
    assert!(there < 6 * MIB as u64, "the file was through already: nothing was tried");
    assert!(took < Duration::from_secs(3), "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_long_is_refused_and_leaves_nothing_behind() {
    let mut country = Country::lay(&small()).await;
    let wuhan = unit("420100");
    country.revive(&wuhan);
    let mut district = country.desk(&wuhan).await;
    let most = usize::try_from(node::limits::ATTACHMENT_BYTES_MAX).unwrap();

    let refused = attach(&mut district, &vec![7; most + 1]).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert!(refused.message().contains("64"), "{refused}");
    let parts = || std::fs::read_dir(country.path(&wuhan, "data")).unwrap().flatten().map(|entry| entry.path());
    assert!(
        !parts().any(|path| path.extension().is_some_and(|end| end == "part")),
        "{:?}",
        parts().collect::<Vec<_>>()
    );

    let long = country.path(&wuhan, "long.mp4");
    File::create(&long).unwrap().set_len(most as u64 + 1).unwrap();
    let submitted = country.type_at(&wuhan, &[&papers::SUBMIT[..], &["--attach", long.to_str().unwrap()]].concat());
    assert_eq!(submitted.status.code(), Some(6), "{submitted:?}");
    let said = String::from_utf8_lossy(&submitted.stderr).into_owned();
    assert!(said.contains("long.mp4") && said.contains("64"), "{said}");
    let filed = district.list(v1::ListRequest { r#box: v1::Box::Filed.into(), ..Default::default() }).await;
    assert!(filed.unwrap().into_inner().documents.is_empty());
}

async fn attach(desk: &mut node::desk::client::Station, bytes: &[u8]) -> Result<v1::Attachment, tonic::Status> {
    let head = v1::AttachRequest { name: "现场.jpg".into(), media_type: "image/jpeg".into(), ..Default::default() };
    let parts: Vec<_> = bytes
        .chunks(256 * 1024)
        .map(|part| v1::AttachRequest { bytes: part.to_vec().into(), ..Default::default() })
        .collect();
    let parts = std::iter::once(head).chain(parts);
    desk.attach(tokio_stream::iter(parts)).await.map(tonic::Response::into_inner)
}

async fn file(desk: &mut node::desk::client::Station, attachment: v1::Attachment) -> String {
    let report = papers::report("见附图", Precedence::JiaJi);
    // About papers: without somebody who answers for it, it would stay where it is.
    let attachments_released_by = "定密责任人".to_owned();
    let filed = desk.file(v1::FileRequest { attachments: vec![attachment], attachments_released_by, ..report }).await;
    filed.unwrap().into_inner().number
}

/// How much of the one file of a document is at a station.
async fn held(desk: &mut node::desk::client::Station, number: &str) -> Option<u64> {
    let view = desk.get(v1::GetRequest { document: number.to_owned(), ..Default::default() }).await.ok()?.into_inner();
    Some(view.attachments.first()?.held)
}

/// What does not compress, and differs everywhere.
fn noise(bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(20140919);
    let mut noise = Vec::with_capacity(bytes);
    while noise.len() < bytes {
        noise.extend(dice.roll().to_le_bytes());
    }
    noise
}
