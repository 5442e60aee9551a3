//! Disks that come back from a backup, and disks that were copied: a store wakes up younger than the world remembers it, or
//! two of them remember different things.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc, time::Duration};

use node::topology::Unit;
use proto::v1::{self, Precedence};
use tests::{
    country::{Country, eventually, unit},
    papers,
};

use crate::{
    TREE, number,
    trial::{Book, Writers, judge, list},
};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { _ = fs::copy(entry.path(), to).unwrap() }
    }
}

/// R15: a province is set back to a backup of an hour ago while its districts and the ministry write. Those around it have
/// what it took since; its own officers write nothing, for that would be on no other disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_province_set_back_to_a_backup_gets_back_what_it_took_since() {
    let seed = number("SEED", 1);
    println!("SEED={seed}");
    let mut country = Country::start(TREE).await;
    let province = unit("420000");
    let book = Arc::new(Book::default());
    let writers = Writers::start_without(&country, &province, &book, seed);
    let (data, backup) = (country.path(&province, "data"), country.path(&province, "backup"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    country.stop(&province);
    copy(&data, &backup);
    country.revive(&province);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        country.kill(&province);
        fs::remove_dir_all(&data).unwrap();
        copy(&backup, &data);
        country.revive(&province);
        country.until_logged(&province, &["a new epoch of this store begins"]).await;
    }
    writers.stop().await;
    judge(&country, &book, Duration::from_secs(60)).await;
    println!("3 times set back; {} documents acknowledged, 0 lost, 0 twice", book.acknowledged());
}

/// R15: a district's disk is copied, and first the one is used, then the other, then the first again. Both go on from the same
/// number; what they write is never taken for one another's.
#[tokio::test(flavor = "multi_thread")]
async fn two_copies_of_one_disk_are_told_apart() {
    let mut country = Country::start(TREE).await;
    let district = unit("820000");
    let mut filed = BTreeSet::new();
    file_and_wait(&country, &district, "起初", &mut filed).await;
    let (data, other) = (country.path(&district, "data"), country.path(&district, "other"));
    country.stop(&district);
    copy(&data, &other);
    country.revive(&district);
    file_and_wait(&country, &district, "原件", &mut filed).await;
    for text in ["副本", "又是原件"] {
        country.stop(&district);
        let aside = country.path(&district, "aside");
        fs::rename(&data, &aside).unwrap();
        fs::rename(&other, &data).unwrap();
        fs::rename(&aside, &other).unwrap();
        country.revive(&district);
        file_and_wait(&country, &district, text, &mut filed).await;
    }
    assert_eq!(filed.len(), 4 * MANY, "a number was given out twice");
    assert_eq!(texts(&country).await, filed, "something was taken for something else");
}

const MANY: usize = 6;

/// What is filed, by number and text, when the ministry has it.
async fn file_and_wait(country: &Country, unit: &Unit, text: &str, filed: &mut BTreeSet<(String, String)>) {
    country.until_linked().await;
    let mut desk = country.desk(unit).await;
    for n in 0..MANY {
        let text = format!("{text}{n}");
        let number = desk.file(papers::report(&text, Precedence::JiaJi)).await.unwrap().into_inner().number;
        filed.insert((number, text));
    }
    eventually(&format!("the ministry has {text}"), async || texts(country).await.is_superset(filed).then_some(()))
        .await;
}

async fn texts(country: &Country) -> BTreeSet<(String, String)> {
    let mut ministry = country.desk(country.topology().root()).await;
    let views = list(&mut ministry, v1::Box::Received).await.unwrap();
    let many = views.len();
    let text = |view: v1::DocumentView| match view.document?.content? {
        v1::document::Content::Report(report) => Some((view.header?.number, report.text)),
        _ => None,
    };
    let texts: BTreeSet<_> = views.into_iter().filter_map(text).collect();
    assert_eq!(texts.len(), many, "something is there twice");
    texts
}
