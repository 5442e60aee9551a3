//! Desks in the browser: an account for each post, so that whoever watches a demo may take part in it.

use std::{io, net::SocketAddr};

use futures_util::future::try_join_all;
use node::topology::Tier;
use proto::v1::{OfficersRequest, Post as Job};

use super::{
    country::{Country, Post},
    people,
    trouble::Trouble,
    words::{Lang, Voice, Words, words},
};

/// Of every account, because nothing here is real and everything is on this machine.
pub(crate) const PASSWORD: &str = "zhuji-demo-2026";

const ACCOUNTS: &[(Words, Job)] = &[
    (words("大屏", "wall"), Job::Wall),
    (words("系统管理员", "system"), Job::System),
    (words("安全管理员", "security"), Job::Security),
    (words("审计员", "audit"), Job::Audit),
];

const MEMBERS: &[Words] = &[words("组长甲", "member-1"), words("副组长乙", "member-2")];

/// Enters the people of every desk.
pub(crate) async fn furnish(country: &Country, lang: Lang) -> Result<(), Trouble> {
    try_join_all(country.posts.values().filter(|post| post.desk.is_some()).map(|post| enter(post, lang))).await?;
    Ok(())
}

async fn enter(post: &Post, lang: Lang) -> Result<(), Trouble> {
    let pick = |words: &Words| lang.pick(words.zh, words.en).to_owned();
    let mut all = vec![(people::on_duty(&post.place.unit, lang), vec![Job::DutyOfficer, Job::DutyLeader])];
    all.extend(ACCOUNTS.iter().map(|(name, job)| (pick(name), vec![*job])));
    if post.place.tier == Tier::Ministry {
        all.extend(MEMBERS.iter().map(|name| (pick(name), vec![Job::LeadingGroup])));
    }
    for (name, jobs) in all {
        let request = OfficersRequest {
            name,
            posts: jobs.into_iter().map(Into::into).collect(),
            password: PASSWORD.into(),
            ..Default::default()
        };
        post.client.clone().manage_officers(request).await.map_err(|status| Trouble::Files {
            path: post.socket.clone(),
            why: io::Error::other(status.message().to_owned()),
        })?;
    }
    Ok(())
}

/// Where they are, and who sits there.
pub(crate) fn show(country: &Country, voice: Voice) {
    let english = voice.lang.english();
    let desks: Vec<_> = country.top_down().into_iter().filter_map(|post| Some((post, post.desk?))).collect();
    if desks.is_empty() {
        return;
    }
    voice.tell(voice.lang.pick(
        "\n值班席(浏览器会提示证书由演练自签):",
        "\nDesks (the browser will say that the demo signed its certificate itself):",
    ));
    for (post, address) in desks {
        voice.tell(&format!(
            "  {}    {}    {}",
            url(post, address),
            country.topology.name(post.place.unit.as_str(), english),
            people::on_duty(&post.place.unit, voice.lang),
        ));
    }
    let others = ACCOUNTS.iter().map(|(name, _)| voice.lang.pick(name.zh, name.en)).collect::<Vec<_>>();
    voice.tell(&match voice.lang {
        Lang::Zh => format!("  密码都是 {PASSWORD};每站另有 {}", others.join("、")),
        Lang::En => format!("  every password is {PASSWORD}; each also has {}", others.join(", ")),
    });
}

/// The wall begins at the board.
fn url(post: &Post, address: SocketAddr) -> String {
    let page = if post.place.tier == Tier::Ministry { "/board" } else { "/" };
    format!("https://{address}{page}")
}
