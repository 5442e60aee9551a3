//! What somebody wrote into a form, and what it means. Nothing of it is trusted: it may come from anything that speaks HTTP.

use aws_lc_rs::digest;
use axum::{
    body::Bytes,
    extract::{FromRequest as _, Multipart, Request},
    http::header,
};
use proto::v1::{AttachRequest, Attachment};

use super::visit::{Problem, Visit};
use crate::{
    cli::{terms::Listed, time},
    limits,
};

/// A form without its files.
const FORM_BYTES_MAX: usize = limits::BODY_BYTES_MAX + 128 * 1024;

/// What was filled in, in order; a name may come more than once.
#[derive(Debug, Default)]
pub(super) struct Said {
    pairs: Vec<(String, String)>,
    pub(super) files: Vec<Attachment>,
}

/// A field that does not say what it has to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The name of the field.
    pub(super) field: &'static str,
    /// The message that says what it takes.
    pub(super) hint: &'static str,
}

impl Said {
    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { pairs: pairs.iter().map(owned).collect(), files: Vec::new() }
    }

    /// Reads a form. Its files are on this station's disk when this returns.
    pub(super) async fn read(visit: &Visit, request: Request) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("multipart/form-data") {
            let form = Multipart::from_request(request, &()).await.map_err(|_| Problem::Malformed)?;
            return Self::with_files(visit, form).await;
        }
        let bytes = axum::body::to_bytes(request.into_body(), FORM_BYTES_MAX).await.map_err(|_| Problem::Malformed)?;
        Ok(Self { pairs: form_urlencoded::parse(&bytes).into_owned().collect(), files: Vec::new() })
    }

    async fn with_files(visit: &Visit, mut form: Multipart) -> Result<Self, Problem> {
        let mut said = Self::default();
        let mut room = FORM_BYTES_MAX;
        while let Some(mut field) = form.next_field().await.map_err(|_| Problem::Malformed)? {
            let name = field.name().unwrap_or_default().to_owned();
            let Some(file) = field.file_name().map(str::to_owned) else {
                let mut bytes = Vec::new();
                while let Some(part) = field.chunk().await.map_err(|_| Problem::Malformed)? {
                    room = room.checked_sub(part.len()).ok_or(Problem::Malformed)?;
                    bytes.extend_from_slice(&part);
                }
                said.pairs.push((name, String::from_utf8(bytes).map_err(|_| Problem::Malformed)?));
                continue;
            };
            if file.is_empty() {
                continue;
            }
            // Only a form that was made for this session may write to the disk; its token comes before its files.
            said.check(visit, &visit.path)?;
            if said.files.len() >= limits::ATTACHMENTS_MAX {
                return Err(Problem::Malformed);
            }
            let media_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
            let head = AttachRequest { name: file, media_type, bytes: Bytes::new() };
            let parts = futures_util::stream::unfold((Some(head), field), |(head, mut field)| async move {
                if let Some(head) = head {
                    return Some((Ok(head), (None, field)));
                }
                let part = field.chunk().await.transpose()?;
                let part = part.map(|bytes| AttachRequest { bytes, ..Default::default() });
                Some((part.map_err(|error| tonic::Status::cancelled(error.to_string())), (None, field)))
            });
            said.files.push(visit.web.api.take_file(std::pin::pin!(parts)).await?);
        }
        Ok(said)
    }

    /// That the form was made for this session and this place.
    pub(super) fn check(&self, visit: &Visit, action: &str) -> Result<(), Problem> {
        visit.check_token(action, &self.given("_token"))
    }

    /// What was filled in, without the space around it.
    pub(super) fn given(&self, name: &str) -> String {
        let found = self.pairs.iter().find(|(given, _)| given == name);
        found.map_or_else(String::new, |(_, value)| value.trim().replace("\r\n", "\n"))
    }

    /// The same sheet sent again is filed once; with something else in it, it is another.
    pub(super) fn once(&self) -> String {
        let key = self.given("_key");
        if key.is_empty() {
            return key;
        }
        let mut all = digest::Context::new(&digest::SHA256);
        for (name, value) in self.pairs.iter().filter(|(name, _)| name != "_token") {
            [name, value].iter().for_each(|text| all.update(&[text.as_bytes(), &[0]].concat()));
        }
        self.files.iter().for_each(|file| all.update(&file.digest));
        all.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// All that was chosen or filled in under one name.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let given = self.pairs.iter().filter(|(given, _)| given == name);
        given.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
    }

    /// One thing a line.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        self.given(name).lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Everything, to fill the form again.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// A term; nothing where nothing was chosen.
    pub(super) fn term<T: Listed>(&self, field: &'static str) -> Result<Option<T>, Mistake> {
        let text = self.given(field);
        if text.is_empty() {
            return Ok(None);
        }
        T::parse(&text).map(Some).ok_or(Mistake { field, hint: "web-hint-choice" })
    }

    /// A moment that has been; 0 where nothing was filled in.
    pub(super) fn happened(&self, field: &'static str, visit: &Visit) -> Result<i64, Mistake> {
        let text = self.given(field);
        if text.is_empty() {
            return Ok(0);
        }
        crate::cli::draft::happened(&text, visit.now).ok_or(Mistake { field, hint: "hint-occurred" })
    }

    /// A moment to come; 0 where nothing was filled in.
    pub(super) fn deadline(&self, field: &'static str, visit: &Visit) -> Result<i64, Mistake> {
        let text = self.given(field);
        if text.is_empty() {
            return Ok(0);
        }
        match time::moment(&text, visit.now) {
            Some(us) if us > visit.now.us() => Ok(us),
            Some(_) => Err(Mistake { field, hint: "hint-past" }),
            None => Err(Mistake { field, hint: "hint-moment" }),
        }
    }

    /// Addressees, as people separate them, and those that were ticked.
    pub(super) fn units(&self, name: &str) -> Vec<String> {
        self.texts(name).iter().flat_map(|text| crate::cli::directive::units(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proto::v1::Grade;

    use super::*;

    #[test]
    fn what_was_filled_in_means_one_thing_or_is_a_mistake() {
        let said = Said::of(&[("grade", "I"), ("to", "湖北、福建"), ("to", "all"), ("basis", " a \n\n b"), ("x", "y")]);
        assert_eq!(said.term::<Grade>("grade"), Ok(Some(Grade::I)));
        assert_eq!(said.term::<Grade>("none"), Ok(None));
        assert_eq!(said.term::<Grade>("x"), Err(Mistake { field: "x", hint: "web-hint-choice" }));
        assert_eq!(said.units("to"), ["湖北", "福建", "all"]);
        assert_eq!(said.lines("basis"), ["a", "b"]);
    }

    #[test]
    fn a_sheet_sent_twice_is_one_and_one_that_was_changed_is_another() {
        let once = |pairs: &[(&str, &str)]| Said::of(pairs).once();
        let first = once(&[("_key", "a"), ("_token", "1"), ("text", "x")]);
        assert_eq!(first, once(&[("_key", "a"), ("_token", "2"), ("text", "x")]));
        assert_ne!(first, once(&[("_key", "a"), ("_token", "1"), ("text", "y")]));
        assert_ne!(first, once(&[("_key", "b"), ("_token", "1"), ("text", "x")]));
        assert_eq!(once(&[("text", "x")]), "");
    }
}
