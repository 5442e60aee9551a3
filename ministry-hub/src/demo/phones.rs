//! The duty phones of a demo: what each would have received, as it is dropped for a gateway.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc, time::Duration};

use super::{
    country::Country,
    words::{Lang, Voice},
};

/// How often the phones are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Tells what rings, until nobody listens any more.
pub(crate) async fn listen(country: Arc<Country>, voice: Voice) {
    let mut heard = BTreeSet::<PathBuf>::new();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for post in country.posts.values().filter(|post| post.desk.is_some()) {
            let Ok(files) = fs::read_dir(&post.phone) else { continue };
            let mut new: Vec<_> = files.flatten().map(|file| file.path()).filter(|path| is_call(path)).collect();
            new.sort();
            for path in new {
                if !heard.insert(path.clone()) {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap_or_default();
                let text = text.lines().last().unwrap_or_default();
                voice.tell(&match voice.lang {
                    Lang::Zh => format!("☎ 值班手机  {text}"),
                    Lang::En => format!("☎ duty phone  {text}"),
                });
            }
        }
    }
}

fn is_call(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|end| end == "txt")
}
