//! What breaks is the disk: it fails to write, to sync, takes half, has no inode left, or can only be read.

use std::{collections::BTreeSet, fs};

use node::desk::client;
use proto::v1::{self, Precedence};
use tests::{
    country::{Country, eventually, unit},
    papers,
};

use crate::{
    TREE,
    faults::{Faults, order_disk},
    ground::Ground,
    trial::list,
};

/// R5: after a write or a sync that failed nobody knows what the disk holds. The station stops without another
/// acknowledgement, says why, and recovers from what is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_station_whose_disk_fails_stops_and_acknowledges_nothing_before_it_has_read_it_again() {
    let tools = tempfile::tempdir().unwrap();
    let faults = Faults::build(tools.path());
    let district = unit("420100");
    for fault in ["sync-eio", "write-eio"] {
        let mut country = Country::lay(TREE).await;
        faults.put_under(&mut country, &district);
        country.revive(&district);
        let mut acknowledged = BTreeSet::new();
        for _ in 0..3 {
            let mut desk = country.desk(&district).await;
            acknowledged.extend(file(&mut desk, 5).await);
            order_disk(&country, &district, fault);
            let refused = file(&mut desk, 20).await;
            assert!(refused.is_empty(), "{fault}: {refused:?} were acknowledged by a disk that failed");
            let ended = country.until_ended(&district).await;
            assert_eq!(ended.code(), Some(1), "{fault}: {}", country.log(&district));
            let log = country.log(&district);
            assert!(log.contains("the station stops") && log.contains("os error 5"), "{fault}: {log}");
            order_disk(&country, &district, "");
            country.revive(&district);
            let mut desk = country.desk(&district).await;
            // What nobody was told about may be there or not.
            let here = filed_here(&mut desk).await;
            let lost: Vec<_> = acknowledged.difference(&here).collect();
            assert!(lost.is_empty(), "{fault}: {lost:?} were acknowledged");
            acknowledged.extend(file(&mut desk, 1).await);
        }
        assert_eq!(acknowledged.len(), 18, "{fault}: it did not take in what it could");
    }
}

/// R5: a disk may take less than it was given, and the rest is given again.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_write_is_carried_on() {
    let tools = tempfile::tempdir().unwrap();
    let faults = Faults::build(tools.path());
    let district = unit("420100");
    let mut country = Country::lay(TREE).await;
    faults.put_under(&mut country, &district);
    order_disk(&country, &district, "write-short");
    country.revive(&district);
    let mut desk = country.desk(&district).await;
    let acknowledged = file(&mut desk, 30).await;
    assert_eq!(acknowledged.len(), 30, "{}", country.log(&district));
    country.kill(&district);
    order_disk(&country, &district, "");
    country.revive(&district);
    assert_eq!(filed_here(&mut country.desk(&district).await).await, acknowledged);
}

/// R5: a file system that met an error can only be read from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_station_on_a_disk_that_can_only_be_read_stops_and_comes_back_with_everything() {
    let district = unit("420100");
    let mut country = Country::lay(TREE).await;
    let ground = Ground::lay(&country, crate::SMALL_DISK_BYTES);
    country.revive(&district);
    let mut desk = country.desk(&district).await;
    let acknowledged = file(&mut desk, 20).await;
    assert_eq!(acknowledged.len(), 20);
    ground.abort(&district);
    let refused = file(&mut desk, 20).await;
    assert!(refused.is_empty(), "{refused:?} were acknowledged by a disk that can only be read");
    let ended = country.until_ended(&district).await;
    assert_eq!(ended.code(), Some(1), "{}", country.log(&district));
    assert!(country.log(&district).contains("the station stops"), "{}", country.log(&district));
    // A start on it is refused as well, with the reason.
    let refused = country.start_in_vain(&district);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("os error 30") || said.contains("os error 5"), "{said}");
    ground.remount(&district);
    country.revive(&district);
    let mut desk = country.desk(&district).await;
    let here = filed_here(&mut desk).await;
    assert!(acknowledged.is_subset(&here), "acknowledged {acknowledged:?}, there {here:?}");
    assert_eq!(file(&mut desk, 1).await.len(), 1);
}

/// R4: without an inode there is no new segment. Intake stops with the reason, a restart succeeds, and with files to make
/// again everything goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_inodes_stops_intake_and_not_the_station() {
    let district = unit("420100");
    let mut country = Country::lay(TREE).await;
    let ground = Ground::with_few_files(&country, crate::SMALL_DISK_BYTES, 128);
    country.configure(&district, "segment = \"4MiB\"", "segment = \"1MiB\"");
    country.revive(&district);
    let mut desk = country.desk(&district).await;
    let mut acknowledged = file(&mut desk, 5).await;
    let others = ground.at(&district).join("others");
    fs::create_dir(&others).unwrap();
    let mut taken = 0;
    while fs::File::create(others.join(taken.to_string())).is_ok() {
        taken += 1;
    }
    let text = "损".repeat(5000);
    let refused = loop {
        match desk.file(papers::report(&text, Precedence::TeTi)).await {
            Ok(filed) => acknowledged.insert(filed.into_inner().number),
            Err(refused) => break refused,
        };
        assert!(acknowledged.len() < 500, "the disk has inodes");
    };
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
    assert!(refused.message().starts_with("disk-full: "), "{refused}");
    for _ in 0..2 {
        country.kill(&district);
        country.revive(&district);
        let mut desk = country.desk(&district).await;
        assert_eq!(filed_here(&mut desk).await, acknowledged);
    }
    fs::remove_dir_all(&others).unwrap();
    let more = eventually("with inodes again, it files again", async || {
        let mut desk = country.desk(&district).await;
        desk.file(papers::report(&text, Precedence::TeTi)).await.ok()
    })
    .await;
    acknowledged.insert(more.into_inner().number);
    // And what waited goes its way.
    for station in ["420000", "000000"].map(unit) {
        country.revive(&station);
    }
    let mut ministry = country.desk(&unit("000000")).await;
    eventually("the ministry has all of it", async || {
        let request = v1::ListRequest { r#box: v1::Box::Received.into(), limit: 1000, ..Default::default() };
        let listed = ministry.list(request).await.ok()?.into_inner();
        (listed.documents.len() == acknowledged.len()).then_some(())
    })
    .await;
}

/// Files so many reports and says which were acknowledged.
pub(crate) async fn file(desk: &mut client::Station, many: usize) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    for n in 0..many {
        let report = papers::report(&"损".repeat(1 + 500 * n), Precedence::TeJi);
        acknowledged.extend(desk.file(report).await.ok().map(|filed| filed.into_inner().number));
    }
    acknowledged
}

/// Numbers of everything filed at a station.
pub(crate) async fn filed_here(desk: &mut client::Station) -> BTreeSet<String> {
    let documents = list(desk, v1::Box::Filed).await.unwrap();
    documents.into_iter().map(|document| document.header.unwrap().number).collect()
}
