//! Ways to spoil a document, found from its text.

/// The places of all elements, `<a>…</a>` or `<a/>`, outermost first.
pub(crate) fn elements(xml: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (at, _) in xml.match_indices('<') {
        let rest = &xml[at..];
        let end = at + rest.find('>').expect("samples are well formed") + 1;
        if rest.starts_with("</") {
            let start = open.pop().expect("samples are well formed");
            found.push((start, &xml[start..end]));
        } else if xml[..end].ends_with("/>") {
            found.push((at, &xml[at..end]));
        } else {
            open.push(at);
        }
    }
    found.sort_by_key(|(start, _)| *start);
    found.into_iter().map(|(_, element)| element).collect()
}

/// The document with something put in directly behind its outermost start tag.
pub(crate) fn inside(xml: &str, what: &str) -> String {
    let start = xml.find('>').expect("samples are well formed") + 1;
    format!("{}{what}{}", &xml[..start], &xml[start..])
}

/// The document with every run of digits replaced in turn.
pub(crate) fn numbers<'x>(xml: &'x str, with: &'x str) -> impl Iterator<Item = String> + 'x {
    let is_start = |at: usize| at == 0 || !xml.as_bytes()[at - 1].is_ascii_alphanumeric();
    let starts = xml.char_indices().filter(move |(at, c)| c.is_ascii_digit() && is_start(*at)).map(|(at, _)| at);
    starts.map(move |start| {
        let rest = &xml[start..];
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        format!("{}{with}{}", &xml[..start], &rest[length..])
    })
}
