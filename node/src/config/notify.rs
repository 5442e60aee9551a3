//! `[[notify]]`: who is called when something waits, as it is written.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{
    ConfigError, Endpoint, Notify,
    file::{Place, Text},
};
use crate::{
    cli::terms::Listed,
    desk::notify::route::{Route, To},
};

const AFTER: std::ops::RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);
const ROUTES_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    name: Text,
    #[serde(default)]
    precedence: Vec<Text>,
    #[serde(default)]
    grade: Vec<Text>,
    after: Option<Text>,
    #[serde(default)]
    drills: bool,
    spool: Option<Text>,
    number: Option<Text>,
    webhook: Option<Text>,
    mail: Option<Text>,
    server: Option<Text>,
    from: Option<Text>,
    tls: Option<bool>,
    credentials: Option<Text>,
}

/// All of them, each with exactly one way out.
pub(super) fn read(at: &Place<'_>, tables: &[Spanned<Table>]) -> Result<Notify, ConfigError> {
    let mut routes: Vec<Route> = Vec::new();
    for table in tables {
        let route = route(at, table.span(), table.get_ref())?;
        if routes.len() >= ROUTES_MAX || routes.iter().any(|known| known.name == route.name) {
            let what = format!("every route has a name of its own, and there are at most {ROUTES_MAX}");
            return Err(at.mistake(table.get_ref().name.span(), what, None));
        }
        routes.push(route);
    }
    Ok(Notify { routes })
}

fn route(at: &Place<'_>, span: std::ops::Range<usize>, table: &Table) -> Result<Route, ConfigError> {
    at.value(&table.name, |name| if name.trim().is_empty() { Err("say who is called") } else { Ok(()) })?;
    Ok(Route {
        name: table.name.get_ref().trim().to_owned(),
        precedences: terms(at, &table.precedence)?,
        grades: terms(at, &table.grade)?,
        after: at.duration(table.after.as_ref(), Duration::ZERO, AFTER)?,
        drills: table.drills,
        to: to(at, span, table)?,
    })
}

fn terms<T: Listed>(at: &Place<'_>, texts: &[Text]) -> Result<Vec<T>, ConfigError> {
    let codes = || T::TERMS.iter().map(|term| term.code).collect::<Vec<_>>().join(", ");
    let one = |text| at.value(text, |text| T::parse(text).ok_or_else(|| format!("`{text}` is none of {}", codes())));
    texts.iter().map(one).collect()
}

fn to(at: &Place<'_>, span: std::ops::Range<usize>, table: &Table) -> Result<To, ConfigError> {
    let text = |text: &Text| text.get_ref().trim().to_owned();
    match (&table.spool, &table.number, &table.webhook, &table.mail, &table.server, &table.from) {
        (Some(spool), Some(number), None, None, None, None) => {
            Ok(To::Number { spool: at.directory(spool)?, number: text(number) })
        }
        (None, None, Some(url), None, None, None) => {
            let web = |url: &str| match url.starts_with("https://") || url.starts_with("http://") {
                true => Ok(()),
                false => Err(format!("`{url}` is not an address: begin with https://")),
            };
            at.value(url, web)?;
            Ok(To::Webhook { url: text(url) })
        }
        (None, None, None, Some(mail), Some(server), Some(from)) => {
            let server: Endpoint = at.value(server, str::parse)?;
            Ok(To::Mail {
                server: server.to_string(),
                tls: table.tls.unwrap_or(true),
                from: text(from),
                to: text(mail),
                credentials: table.credentials.as_ref().map(|file| at.directory(file)).transpose()?,
            })
        }
        _ => {
            let what = "a route has one way out: spool and number, or webhook, or mail with server and from";
            Err(at.mistake(span, what.to_owned(), None))
        }
    }
}
