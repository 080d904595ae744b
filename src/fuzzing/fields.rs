//! A selector, what is taken, how a date is written, then a page.

use super::{document, line, page_url};
use crate::config::{Config, FieldConfig, FieldKind};
use crate::parse::{Extractor, Limits, parse};
use crate::record::FieldData;

pub(super) fn target(data: &[u8]) {
    let (selector, rest) = line(data);
    let (take, rest) = line(rest);
    let (date_format, body) = line(rest);
    let mut config = Config::default();
    for (name, kind, all) in [
        ("a", FieldKind::Text, true),
        ("b", FieldKind::Number, true),
        ("c", FieldKind::Date, false),
    ] {
        let mut field = FieldConfig::new(name, &*selector);
        (field.kind, field.all, field.required) = (kind, all, true);
        field.take = take.parse().unwrap_or_default();
        if kind == FieldKind::Date {
            field.date_format = date_format.clone().into_owned();
        }
        config.field.push(field);
    }
    // What is no setting is refused before anything is read.
    if config.validate().is_err() {
        return;
    }
    let Ok(Some(extractor)) = Extractor::new(&config.field) else {
        return;
    };
    let (url, kind) = (page_url(), Some("text/html; charset=utf-8"));
    let page = parse(&document(&url, kind, body), &Limits::default());
    let values = extractor.extract(&url, kind, &page, body);
    assert_eq!(extractor.extract(&url, kind, &page, body), values, "again");
    assert!(values.len() <= 3003);
    for value in &values {
        assert!(value.value.is_some() || value.problem.is_some());
        match &value.value {
            Some(FieldData::Text(text)) => assert!(text.len() <= 64 << 10),
            Some(FieldData::Real(real)) => assert!(real.is_finite()),
            _ => {}
        }
    }
}
