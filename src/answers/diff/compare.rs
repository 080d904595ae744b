//! What has become of one URL: a kind by the two states, and what the two contents differ in.

use tokio_rusqlite::rusqlite;

use super::Options;
use super::bodies::{Content, How};
use super::entry::{Change, Entry, Outcome};
use super::headers;
use super::kinds::{Aspect, Kind};
use super::links;
use super::side::{Met, Side, State};

/// The two sides, and whether their numbers mean the same.
#[derive(Debug)]
pub(super) struct Compared<'r> {
    pub(super) before: Side<'r>,
    pub(super) after: Side<'r>,
    pub(super) is_one: bool,
    /// Whether both are of one database, and two runs of it: then a request is of one of them.
    pub(super) same_log: bool,
    pub(super) options: &'r Options,
}

/// What has become of a URL, by what each run says of it; `None` where there is nothing to say.
pub(super) fn kind(before: State, had_content: bool, after: State) -> Option<Kind> {
    use State::{Disallowed, Failed, Gone, Left, Redirect, There, Unmet, Waiting};
    Some(match (before, after) {
        // Nothing is known of one of the two.
        (There | Redirect | Failed, Unmet | Waiting | Left) => Kind::Unasked,
        (_, Unmet | Waiting | Left) => return None,
        (Waiting, _) => Kind::Unasked,
        (Disallowed, Disallowed) => Kind::Unchanged,
        (_, Disallowed) => Kind::Disallowed,
        (There, Redirect) => Kind::Moved,
        (There | Redirect | Failed, There | Redirect) => Kind::Changed,
        (_, There | Redirect) => Kind::New,
        (There | Redirect, Gone) => Kind::Gone,
        (Failed, Gone) if had_content => Kind::Gone,
        (Failed | Gone, Gone | Failed) => Kind::Changed,
        (_, Gone | Failed) => Kind::Failed,
    })
}

/// What may turn out otherwise in the light of all URLs: what is gone may stand elsewhere, at one that is new.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) entry: Entry,
    /// The content that was there, or is new.
    pub(super) content: Option<Content>,
    /// Two contents whose bodies are still to be compared.
    pub(super) bodies: Option<(Content, Content)>,
}

impl Compared<'_> {
    /// How bodies are compared.
    pub(super) fn how(&self) -> How {
        How {
            folders: (self.before.folder(), self.after.folder()),
            runs: (self.before.run, self.after.run),
            bytes: self.options.bytes,
        }
    }

    /// What has become of a URL; `None` where nothing is known of it.
    pub(super) fn judge(
        &self,
        before: Option<Met>,
        after: Option<Met>,
    ) -> rusqlite::Result<Option<Judged>> {
        let state = |met: Option<Met>| met.map_or(State::Unmet, |met| met.state());
        let had_content = before.is_some_and(|met| met.good.is_some());
        let Some(mut kind) = kind(state(before), had_content, state(after)) else {
            return Ok(None);
        };
        // The same request: nobody has asked since the earlier run. That the later one has it from another run
        // (`visit.carried`) does not say so much: one between the two may have asked.
        if self.same_log
            && let (Some(a), Some(b)) = (before, after)
            && let (Some(x), Some(y)) = (a.asked, b.asked)
            && x.id == y.id
        {
            if matches!(a.state(), State::Gone | State::Disallowed) {
                return Ok(None);
            }
            kind = Kind::Unasked;
        }
        match (kind, before, after) {
            (Kind::Changed, Some(before), Some(after)) => self.changed(before, after).map(Some),
            (Kind::Moved, Some(before), Some(after)) => self.redirected(before, after).map(Some),
            (Kind::Unchanged, _, Some(after)) => self.same(after).map(Some),
            (Kind::Unasked, ..) if !self.options.all => Ok(Some(bare(kind))),
            _ => self.other(kind, before, after).map(Some),
        }
    }

    /// A URL of the side that knows it.
    fn name(&self, before: Option<Met>, after: Option<Met>) -> rusqlite::Result<String> {
        match (before, after) {
            (_, Some(met)) => self.after.mapped(met.url),
            (Some(met), None) => self.before.mapped(met.url),
            (None, None) => Ok(String::new()),
        }
    }

    fn blank(
        &self,
        kind: Kind,
        before: Option<Met>,
        after: Option<Met>,
    ) -> rusqlite::Result<Entry> {
        Ok(Entry {
            url: self.name(before, after)?,
            before: before.and_then(|met| outcome(&met)),
            after: after.and_then(|met| outcome(&met)),
            ..bare(kind).entry
        })
    }

    /// What is unchanged, by name if it is listed.
    fn same(&self, after: Met) -> rusqlite::Result<Judged> {
        let mut judged = bare(Kind::Unchanged);
        if self.options.all {
            judged.entry.url = self.after.mapped(after.url)?;
            judged.entry.after = outcome(&after);
        }
        Ok(judged)
    }

    /// A page that redirects now: it has moved, unless nothing is where it leads.
    fn redirected(&self, before: Met, after: Met) -> rusqlite::Result<Judged> {
        let mut entry = self.blank(Kind::Moved, Some(before), Some(after))?;
        let content = content(&self.before, before)?;
        title(&mut entry.before, content.as_ref());
        if let Some(target) = after.asked.and_then(|asked| asked.redirect_to) {
            let (end, met) = self.after.end_of(target)?;
            let to = self.after.mapped(end)?;
            let said = met.and_then(|met| met.outcome());
            match met.map(|met| met.state()) {
                Some(State::Gone) => {
                    entry.kind = Kind::Gone;
                    let status = said.unwrap_or_default();
                    entry.note = Some(format!("it redirects to {to}, which answers {status}"));
                }
                Some(State::Failed | State::Disallowed) => {
                    entry.note = said.map(|said| format!("there: {said}"));
                }
                _ => {}
            }
            if entry.kind == Kind::Moved {
                (entry.to, entry.by) = (Some(to), Some("redirect".to_owned()));
            }
        }
        Ok(Judged {
            entry,
            content,
            bodies: None,
        })
    }

    /// Everything that has no two contents.
    fn other(
        &self,
        kind: Kind,
        before: Option<Met>,
        after: Option<Met>,
    ) -> rusqlite::Result<Judged> {
        let mut entry = self.blank(kind, before, after)?;
        let content = match (kind, before, after) {
            (Kind::New, _, Some(met)) => content(&self.after, met)?,
            (_, Some(met), _) => content(&self.before, met)?,
            _ => None,
        };
        if kind == Kind::New {
            title(&mut entry.after, content.as_ref());
            if let Some(target) = after.and_then(|met| met.asked?.redirect_to) {
                let target = self.after.mapped(target)?;
                entry.note = Some(format!("redirects to {target}"));
            }
        } else {
            title(&mut entry.before, content.as_ref());
        }
        if kind == Kind::Unasked {
            let waits = before.is_some_and(|met| met.state() == State::Waiting);
            entry.note = Some(if waits {
                format!("run {} had not asked for it", self.before.run)
            } else {
                entry.after = None;
                self.after.why_not(after.as_ref())?
            });
        }
        Ok(Judged {
            entry,
            content,
            bodies: None,
        })
    }

    /// What was there and is there: in what it differs, but for the bodies.
    fn changed(&self, before: Met, after: Met) -> rusqlite::Result<Judged> {
        let mut changes = self.status(before, after)?;
        let contents = self.contents(before, after)?;
        if let Some((a, b)) = &contents {
            changes.extend(self.of_contents(a, b)?);
        }
        if before.state() == State::There && after.state() == State::There {
            changes.extend(self.headers(before, after)?);
        }
        let bodies = contents
            .as_ref()
            .filter(|(a, b)| a.digest != b.digest || a.kind() != b.kind());
        if changes.is_empty() && bodies.is_none() {
            return self.same(after);
        }
        changes.sort_by_key(|change| change.what);
        let mut entry = self.blank(Kind::Changed, Some(before), Some(after))?;
        if let Some((a, b)) = &contents {
            title(&mut entry.before, Some(a));
            title(&mut entry.after, Some(b));
        }
        entry.changes = changes;
        Ok(Judged {
            entry,
            content: None,
            bodies: bodies.cloned(),
        })
    }

    /// The two contents of what was there and is, if they are not one.
    fn contents(&self, before: Met, after: Met) -> rusqlite::Result<Option<(Content, Content)>> {
        let version = |met: Met| match met.state() {
            State::There => met.asked.and_then(|asked| asked.version),
            // What failed and is back is held to what it was.
            State::Failed => met.good,
            _ => None,
        };
        if after.state() == State::There
            && let (Some(a), Some(b)) = (version(before), version(after))
            && !(self.is_one && a == b)
        {
            let a = Content::read(&self.before, a)?;
            return Ok(a.zip(Content::read(&self.after, b)?));
        }
        Ok(None)
    }

    /// The status, the error, where it redirects to. A 304 is what was there.
    fn status(&self, before: Met, after: Met) -> rusqlite::Result<Vec<Change>> {
        let mut changes = Vec::new();
        let status = |met: Met| met.asked.and_then(|asked| asked.status);
        let both_there = before.state() == State::There && after.state() == State::There;
        let unmodified = both_there && (status(before) == Some(304) || status(after) == Some(304));
        let (a, b) = (before.outcome(), after.outcome());
        if a != b && !unmodified {
            changes.push(Change::value(Aspect::Status, a, b));
        }
        let target = |side: &Side<'_>, met: Met| -> rusqlite::Result<Option<String>> {
            let redirects = met.asked.filter(|_| met.state() == State::Redirect);
            match redirects.and_then(|asked| asked.redirect_to) {
                Some(target) => side.mapped(target).map(Some),
                None => Ok(None),
            }
        };
        let (a, b) = (target(&self.before, before)?, target(&self.after, after)?);
        if a != b {
            changes.push(Change::value(Aspect::Redirect, a, b));
        }
        Ok(changes)
    }

    /// In what the rows of two contents differ, and their links.
    fn of_contents(&self, a: &Content, b: &Content) -> rusqlite::Result<Vec<Change>> {
        let canonical = |side: &Side<'_>, content: &Content| match content.canonical {
            Some(url) => side.mapped(url).map(Some),
            None => Ok(None),
        };
        let canonicals = (canonical(&self.before, a)?, canonical(&self.after, b)?);
        let texts = [
            (Aspect::Title, &a.title, &b.title),
            (Aspect::Description, &a.description, &b.description),
            (Aspect::Canonical, &canonicals.0, &canonicals.1),
            (Aspect::Directives, &a.directives, &b.directives),
            (Aspect::Language, &a.language, &b.language),
            (Aspect::Type, &a.kind(), &b.kind()),
        ];
        let differ = texts.into_iter().filter(|(_, a, b)| a != b);
        let changes = differ.map(|(what, a, b)| Change::value(what, a.clone(), b.clone()));
        let mut changes: Vec<Change> = changes.collect();
        let (added, removed) = links::counted(self, a.id, b.id)?;
        if added + removed > 0 {
            changes.push(Change::counted(Aspect::Links, added, removed));
        }
        Ok(changes)
    }

    /// Header fields of interest.
    fn headers(&self, before: Met, after: Met) -> rusqlite::Result<Option<Change>> {
        let (Some(a), Some(b)) = (before.asked, after.asked) else {
            return Ok(None);
        };
        if self.is_one && a.header == b.header {
            return Ok(None);
        }
        let (x, y) = (
            headers::read(&self.before, a.header)?,
            headers::read(&self.after, b.header)?,
        );
        // A 304 repeats only some of them.
        let partial = a.status == Some(304) || b.status == Some(304);
        let (removed, added) = headers::apart(&x, &y, partial);
        let (added, removed) = (added.len() as u64, removed.len() as u64);
        Ok((added + removed > 0).then(|| Change::counted(Aspect::Headers, added, removed)))
    }
}

/// What is only counted.
fn bare(kind: Kind) -> Judged {
    Judged {
        entry: Entry {
            kind,
            url: String::new(),
            to: None,
            by: None,
            before: None,
            after: None,
            changes: Vec::new(),
            note: None,
        },
        content: None,
        bodies: None,
    }
}

/// The content that a URL has, or had last.
fn content(side: &Side<'_>, met: Met) -> rusqlite::Result<Option<Content>> {
    match met.asked.and_then(|asked| asked.version).or(met.good) {
        Some(version) => Content::read(side, version),
        None => Ok(None),
    }
}

/// What came of a URL; `None` where it was not asked for.
fn outcome(met: &Met) -> Option<Outcome> {
    let word = met.outcome()?;
    let status = met.asked.and_then(|asked| asked.status);
    Some(Outcome {
        status,
        error: Some(word).filter(|word| word.parse::<u16>().is_err()),
        title: None,
    })
}

fn title(outcome: &mut Option<Outcome>, content: Option<&Content>) {
    if let (Some(outcome), Some(content)) = (outcome, content) {
        outcome.title.clone_from(&content.title);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of states, of what never had content and of what once had. `.` is nothing to say.
    #[test]
    fn kinds_by_both_states() {
        use State::{Disallowed, Failed, Gone, Left, Redirect, There, Unmet, Waiting};
        let states = [
            Unmet, Waiting, Left, Disallowed, There, Redirect, Gone, Failed,
        ];
        let letter = |kind: Option<Kind>| match kind {
            None => '.',
            Some(Kind::New) => 'n',
            Some(Kind::Gone) => 'g',
            Some(Kind::Moved) => 'm',
            Some(Kind::Changed) => 'c',
            Some(Kind::Failed) => 'f',
            Some(Kind::Disallowed) => 'd',
            Some(Kind::Unasked) => 'u',
            Some(Kind::Unchanged) => '=',
        };
        for (before, without, with) in [
            (Unmet, "...dnnff", "...dnnff"),
            (Waiting, "...uuuuu", "...uuuuu"),
            (Left, "...dnnff", "...dnnff"),
            (Disallowed, "...=nnff", "...=nnff"),
            (There, "uuudcmgf", "uuudcmgf"),
            (Redirect, "uuudccgf", "uuudccgf"),
            (Gone, "...dnncc", "...dnncc"),
            (Failed, "uuudcccc", "uuudccgc"),
        ] {
            for (had_content, wanted) in [(false, without), (true, with)] {
                let of = |after: &State| letter(kind(before, had_content, *after));
                let found: String = states.iter().map(of).collect();
                assert_eq!(found, wanted, "{before:?}, {had_content}");
            }
        }
    }
}
