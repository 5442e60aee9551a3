//! What people do to a station: stop it under load, start it twice, or on what something else has.

use std::{fs, net::TcpListener, process::Output};

use tests::country::{Country, unit};

use crate::{
    TREE,
    disk::{file, filed_here},
};

/// R17: SIGTERM ends a station in good order, whatever it is doing: what it acknowledged is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_station_told_to_stop_under_load_ends_well_and_keeps_what_it_acknowledged() {
    let district = unit("420100");
    let mut country = Country::lay(TREE).await;
    country.revive(&district);
    let mut acknowledged = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let desk = country.desk(&district).await;
        let load: Vec<_> = (0..8)
            .map(|_| {
                let mut desk = desk.clone();
                tokio::spawn(async move { file(&mut desk, 60).await })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let ended = tokio::task::block_in_place(|| country.stop(&district));
        assert_eq!(ended.code(), Some(0), "{}", country.log(&district));
        for filed in load {
            acknowledged.extend(filed.await.unwrap());
        }
        country.revive(&district);
        let here = filed_here(&mut country.desk(&district).await).await;
        let lost: Vec<_> = acknowledged.difference(&here).collect();
        assert!(lost.is_empty(), "{lost:?} were acknowledged");
    }
    assert!(!acknowledged.is_empty());
}

/// R17: a second start of the same station is refused and does the first no harm; so is one on somebody else's port, and
/// one whose folder is a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_cannot_start_says_why_and_harms_nobody() {
    let (district, province) = (unit("420100"), unit("420000"));
    let mut country = Country::lay(TREE).await;
    country.revive(&district);
    let mut desk = country.desk(&district).await;
    let acknowledged = file(&mut desk, 5).await;

    refused(&country.start_in_vain(&district), "another process uses");
    assert_eq!(filed_here(&mut country.desk(&district).await).await, acknowledged);
    assert_eq!(file(&mut desk, 1).await.len(), 1);

    let taken = TcpListener::bind(country.address(&province)).unwrap();
    refused(&country.start_in_vain(&province), "is another station using it?");
    drop(taken);
    country.revive(&province);
    country.desk(&province).await;

    assert!(country.stop(&province).success());
    let data = country.path(&province, "data");
    fs::rename(&data, data.with_extension("away")).unwrap();
    fs::write(&data, "a file").unwrap();
    refused(&country.start_in_vain(&province), data.to_str().unwrap());
    fs::remove_file(&data).unwrap();
    fs::rename(data.with_extension("away"), &data).unwrap();
    country.revive(&province);
    country.desk(&province).await;
}

fn refused(ended: &Output, why: &str) {
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains(why), "{said}");
}
