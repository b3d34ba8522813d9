//! The glossary defines each term once, and no term that is not used.

use std::collections::BTreeSet;

use super::pages;

/// The tables of the glossary: their heading, and for each row its cells.
fn glossary() -> Vec<(String, Vec<Vec<String>>)> {
    let (_, text) = pages().into_iter().find(|(name, _)| name == "glossary.md").unwrap();
    let mut tables: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    let (mut heading, mut inside) = (String::new(), false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut heading);
        }
        let cells = line.strip_prefix('|').and_then(|it| it.strip_suffix('|'));
        if let (Some(_), false) = (cells, inside) {
            tables.push((heading.clone(), Vec::new()));
        }
        inside = cells.is_some();
        if let Some(cells) = cells {
            let cells = cells.split('|').map(|it| it.trim().to_owned()).collect();
            tables.last_mut().unwrap().1.push(cells);
        }
    }
    // The first two rows are the heading of the columns and its line.
    tables.iter_mut().for_each(|(_, rows)| drop(rows.drain(..2)));
    tables
}

/// A field has one row for each record type: its name and the type identify it.
#[test]
fn the_glossary_defines_each_term_field_and_column_once() {
    let tables = glossary();
    assert!(tables.len() > 10, "{} tables", tables.len());
    for (heading, rows) in &tables {
        let mut seen = BTreeSet::new();
        for row in rows {
            let kinds = if heading == "Fields of records" { &*row[1] } else { "" };
            // A row of "..." stands for those between two others.
            let terms = row[0].split(", ").filter(|term| *term != "...");
            for (term, kind) in
                terms.flat_map(|term| kinds.split(", ").map(move |kind| (term, kind)))
            {
                assert!(seen.insert((term, kind)), "{heading}: {term} {kind} is defined twice");
            }
        }
    }
}

#[test]
fn every_term_of_the_glossary_is_used_elsewhere() {
    let is_other = |name: &str| name != "glossary.md" && name != "CHANGELOG.md";
    let texts = pages().into_iter().filter(|(name, _)| is_other(name)).map(|(_, text)| text);
    let text = texts.collect::<Vec<_>>().join("\n").to_lowercase();
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_used = |term: &str| {
        let term = term.to_lowercase();
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        words.match_indices(&term).any(|(place, _)| {
            let after = &words[place + term.len()..];
            let after = after.strip_prefix('s').unwrap_or(after);
            !is_word(words[..place].chars().last()) && !is_word(after.chars().next())
        })
    };
    let tables = glossary();
    let (_, terms) = tables.iter().find(|(heading, _)| heading == "Terms").unwrap();
    assert!(terms.len() > 20 && !is_used("popularity"), "{} terms", terms.len());
    for term in terms.iter().flat_map(|row| row[0].split(", ")) {
        assert!(
            is_used(term),
            "the glossary defines {term}, which no page or help text uses; remove it"
        );
    }
}
