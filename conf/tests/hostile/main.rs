//! Documents that are made to do harm, for every kind of document: a clear
//! error or the right result, within bounds of memory that are counted, and
//! never a panic.

mod documents;
mod edits;
mod memory;

use documents::{KINDS, Kind};
use edits::{elements, inside, numbers};
use memory::{Cost, cost_of};
use oxivirt_conf::xml::{Document, MAX_ATTRIBUTES, MAX_DEPTH, MAX_SIZE};
use oxivirt_core::{Error, ErrorCode};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What a document may take beside a share of its text: sets of CPUs and I/O
/// threads that one number stands for, buffers of the reader.
const BASE: usize = 8 * MIB;

fn read(kind: &Kind, xml: &str) -> (Result<(), Error>, Cost) {
    let (outcome, cost) = cost_of(|| (kind.read)(xml));
    if let Err(error) = &outcome {
        assert!(error.message().len() < 2 * KIB, "{}: a message of {} bytes", kind.name, error.message().len());
    }
    (outcome, cost)
}

fn refused(kind: &Kind, what: &str, xml: &str) -> Cost {
    let (outcome, cost) = read(kind, xml);
    let error = outcome.err().unwrap_or_else(|| panic!("{}: {what} must be refused", kind.name));
    assert_eq!(error.code(), ErrorCode::XML_DETAIL, "{}: {what}: {error}", kind.name);
    cost
}

fn at_most(kind: &Kind, what: &str, cost: Cost, bytes: usize) {
    assert!(cost.peak <= bytes, "{}: {what} took {} bytes, more than {bytes}", kind.name, cost.peak);
}

#[test]
fn samples_are_read() {
    for kind in KINDS {
        if let Err(error) = (kind.read)(kind.sample) {
            panic!("{}: {error}", kind.name);
        }
    }
}

#[test]
fn entities_are_not_declared_nor_fetched() {
    let mut bomb = "<!DOCTYPE x [<!ENTITY a0 'aaaaaaaaaa'>".to_owned();
    for at in 1..20 {
        bomb += &format!("<!ENTITY a{at} '{}'>", format!("&a{};", at - 1).repeat(10));
    }
    bomb += "]>";
    for kind in KINDS {
        let body = inside(kind.sample, "&a19;");
        for head in [&bomb, "<!DOCTYPE x [<!ENTITY a19 SYSTEM 'file:///etc/passwd'>]>", ""] {
            let cost = refused(kind, "an entity", &format!("{head}{body}"));
            at_most(kind, "an entity", cost, 512 * KIB);
        }
        // Without declarations it says nothing, and is not looked for.
        let (outcome, _) = read(kind, &format!("<!DOCTYPE x SYSTEM 'file:///nowhere'>{}", kind.sample));
        outcome.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
    }
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_built() {
    let text = "x".repeat(100 * MIB);
    for kind in KINDS {
        let body = inside(kind.sample, &format!("<y>{text}</y>"));
        at_most(kind, "100 MiB", refused(kind, "100 MiB", &body), 4 * KIB);
    }
}

#[test]
fn a_large_text_costs_a_few_times_its_size() {
    let largest = "y".repeat(MAX_SIZE - 64 * KIB);
    let (_, cost) = read(&KINDS[0], &inside(KINDS[0].sample, &format!("<description>{largest}</description>")));
    at_most(&KINDS[0], "the largest text", cost, 4 * largest.len());
    let text = "y".repeat(MIB);
    for kind in KINDS {
        for element in ["description", "name", "uuid", "metadata"] {
            let (_, cost) = read(kind, &inside(kind.sample, &format!("<{element}>{text}</{element}>")));
            at_most(kind, element, cost, 4 * text.len());
        }
        let (_, cost) = read(kind, &inside(kind.sample, &format!("<x y='{text}'/>")));
        at_most(kind, "an attribute", cost, 4 * text.len());
        let references = "&amp;".repeat(text.len() / 5);
        let (_, cost) = read(kind, &inside(kind.sample, &format!("<description>{references}</description>")));
        at_most(kind, "references", cost, 4 * text.len());
    }
}

#[test]
fn depth_is_bounded_and_fits_a_small_stack() {
    let nested = |name: &str, depth: usize| {
        format!("{}{}", format!("<{name}>").repeat(depth), format!("</{name}>").repeat(depth))
    };
    for kind in KINDS {
        at_most(kind, "10,000 levels", refused(kind, "10,000 levels", &inside(kind.sample, &nested("x", 10_000))), MIB);
    }
    // As deep as is read, of elements that are read one inside the other.
    let small = std::thread::Builder::new().stack_size(2 * MIB);
    let outcome = small.spawn(move || {
        for kind in KINDS {
            for name in ["x", "metadata", "devices", "domain", "snapshot", "inactiveDomain"] {
                let _ = read(kind, &inside(kind.sample, &nested(name, MAX_DEPTH - 2)));
            }
        }
        for (layer, depth) in [
            ("<backingStore type='file'><format type='raw'/><source file='/a'/>", MAX_DEPTH - 3),
            ("<source file='/a'><dataStore type='file'><format type='raw'/>", MAX_DEPTH / 2 - 3),
        ] {
            let close = if layer.contains("dataStore") { "</dataStore></source>" } else { "</backingStore>" };
            let chain = format!("{}{}", layer.repeat(depth), close.repeat(depth));
            let disk = format!("<disk type='file'>{chain}<target dev='vda' bus='virtio'/></disk>");
            let device = KINDS.iter().find(|kind| kind.name == "device").expect("there is one");
            (device.read)(&disk).unwrap_or_else(|error| panic!("{layer}: {error}"));
        }
    });
    outcome.expect("a thread").join().expect("no overflow, no panic");
}

#[test]
fn attributes_are_counted_and_unique() {
    for kind in KINDS {
        let many: String = (0..100_000).map(|n| format!(" a{n}='1'")).collect();
        at_most(kind, "attributes", refused(kind, "attributes", &inside(kind.sample, &format!("<x{many}/>"))), MIB);
        let wide: String = (0..MAX_ATTRIBUTES).map(|n| format!(" a{n}='1'")).collect();
        let open = format!("<x{wide}>").repeat(200) + &"</x>".repeat(200);
        at_most(kind, "open attributes", refused(kind, "open attributes", &inside(kind.sample, &open)), MIB);
        refused(kind, "one attribute twice", &inside(kind.sample, "<x a='1' b='1' a='2'/>"));
    }
}

#[test]
fn very_many_elements_are_refused_in_time() {
    let crowd = "<x/>".repeat(2 * MIB / 4);
    for kind in KINDS {
        let cost = refused(kind, "a crowd", &inside(kind.sample, &crowd));
        at_most(kind, "a crowd", cost, 64 * MIB);
    }
}

/// No short element stands for a large structure, and lists cost what they
/// hold: each element of each sample many times over.
#[test]
fn repetition_costs_in_proportion() {
    for kind in KINDS {
        for element in elements(kind.sample).into_iter().skip(1) {
            let times = (64 * KIB / element.len()).clamp(2, 1_000);
            let start = kind.sample.find(element).expect("it is from there");
            let (before, after) = kind.sample.split_at(start);
            let xml = format!("{before}{}{after}", element.repeat(times));
            let (_, cost) = read(kind, &xml);
            let what = format!("{times} times '{:.60}'", element);
            at_most(kind, &what, cost, BASE + 40 * xml.len());
            assert!(cost.requests < 2_000 + xml.len() / 2, "{}: {what}: {} requests", kind.name, cost.requests);
        }
    }
}

#[test]
fn numbers_out_of_any_range() {
    let digits = "9".repeat(400);
    for kind in KINDS {
        for number in [&digits, "-1", "4294967295", "0"] {
            for xml in numbers(kind.sample, number) {
                let (_, cost) = read(kind, &xml);
                at_most(kind, &format!("'{number:.20}' in '{xml:.400}'"), cost, BASE + 40 * xml.len());
            }
        }
    }
    let domain = &KINDS[0];
    for set in ["0-16383", "0-4294967295", "0-16383,^1,^3,^5", &"0-16383,".repeat(10_000)] {
        for pin in [
            format!("<vcpu cpuset='{set}'>1</vcpu>"),
            format!(
                "<cputune>{}</cputune>",
                format!("<vcpupin vcpu='0' cpuset='{set}'/>").repeat(2_000 / (1 + set.len() / 100))
            ),
        ] {
            let (_, cost) = read(domain, &inside(domain.sample, &pin));
            at_most(domain, "sets of CPUs", cost, BASE + 40 * pin.len());
        }
    }
}

#[test]
fn documents_cut_off_anywhere() {
    for kind in KINDS {
        let step = (kind.sample.len() / 400).max(1);
        for end in (0..kind.sample.trim_end().len()).step_by(step) {
            if let Some(part) = kind.sample.get(..end) {
                refused(kind, "a part", part);
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_of_xml() {
    for kind in KINDS {
        for bad in ["\0", "\u{1}", "\u{1f}", "\u{fffe}", "\u{ffff}", "&#0;", "&#xd800;", "&#xfffe;", "&#99999999999;"] {
            refused(kind, &format!("{bad:?}"), &inside(kind.sample, &format!("<x>{bad}</x>")));
            if !bad.starts_with('&') {
                refused(kind, &format!("{bad:?} in an attribute"), &inside(kind.sample, &format!("<x y='{bad}'/>")));
            }
        }
        refused(kind, "a declaration inside", &inside(kind.sample, "<?xml version='1.0'?>"));
        refused(kind, "nothing", "");
        refused(kind, "text", "text");
        // A mark of UTF-8 and any declaration are let pass.
        for head in ["\u{feff}", "<?xml version='1.0' encoding='ISO-8859-1'?>", "\u{feff}<?xml version='1.0'?>\n"] {
            let (outcome, _) = read(kind, &format!("{head}{}", kind.sample));
            outcome.unwrap_or_else(|error| panic!("{}: {head:?}: {error}", kind.name));
        }
    }
    for (bytes, what) in [
        (&b"<a>\n\xff</a>"[..], "line 2: the text is not valid UTF-8"),
        (b"<a>\xc3</a>", "not valid UTF-8"),
        (b"<a>\xed\xa0\x80</a>", "not valid UTF-8"),
        (b"<a>\xf8\x88\x80\x80\x80</a>", "not valid UTF-8"),
        (b"<a>\xc0\xaf</a>", "not valid UTF-8"),
        (b"\xff\xfe<\0a\0/\0>\0", "UTF-16"),
        (b"\xfe\xff\0<\0a\0/\0>", "UTF-16"),
    ] {
        let error = Document::parse_bytes(bytes).map(drop).expect_err(what);
        assert_eq!(error.code(), ErrorCode::XML_DETAIL);
        assert!(error.detail().contains(what), "{error}");
    }
}

#[test]
fn another_document_is_named() {
    for kind in KINDS {
        let error = (kind.read)("<elsewhere/>").expect_err(kind.name);
        assert!(!error.message().is_empty(), "{}", kind.name);
        assert!(error.message().contains("elsewhere"), "{}: '{error}' must name what was found", kind.name);
    }
}
