//! A QEMU that does whatever it is told, and whose guest lets every device go.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, LazyLock};

use oxivirt_driver_qemu::hotplug::{News, Unplugs};
use oxivirt_driver_qemu::monitor::{Event, Handler};
use serde_json::{Value, json};

/// Its monitor. It ends with the other end of the socket.
///
/// * `terminal` – the one that it opens.
pub(crate) fn qemu(terminal: Option<String>) -> std::io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    std::thread::Builder::new().name("willing".into()).spawn(move || {
        // The other end hung up.
        let _ = serve(theirs, terminal);
    })?;
    Ok(ours)
}

fn serve(mut out: UnixStream, terminal: Option<String>) -> std::io::Result<()> {
    let lines = BufReader::new(out.try_clone()?).lines();
    writeln!(out, "{}", json!({"QMP": {"version": {}, "capabilities": []}}))?;
    for line in lines {
        let command: Value = serde_json::from_str(&line?)?;
        let name = command.get("execute").and_then(Value::as_str).unwrap_or_default();
        let answer = match name {
            // Each question is about a list.
            _ if name.starts_with("query-") || name == "qom-list" => json!([]),
            "chardev-add" if command.pointer("/arguments/backend/type") == Some(&json!("pty")) => {
                json!({"pty": terminal})
            }
            _ => json!({}),
        };
        writeln!(out, "{}", json!({"return": answer, "id": command.get("id")}))?;
        if name == "device_del"
            && let Some(id) = command.pointer("/arguments/id")
        {
            let stamp = json!({"seconds": 0, "microseconds": 0});
            writeln!(out, "{}", json!({"event": "DEVICE_DELETED", "timestamp": stamp, "data": {"device": id}}))?;
        }
    }
    Ok(())
}

/// Passes on which devices went.
pub(crate) struct Hears(pub(crate) Arc<Unplugs>);

impl Handler for Hears {
    fn event(&self, event: Event) {
        if let Some(alias) = event.text("device").filter(|_| event.name == "DEVICE_DELETED") {
            self.0.tell(alias, News::Gone);
        }
    }

    fn closed(&self, _: &str) {}
}

/// What stands for every descriptor.
pub(crate) fn nowhere() -> &'static File {
    static NOWHERE: LazyLock<File> = LazyLock::new(|| File::open("/dev/null").unwrap_or_else(|e| panic!("{e}")));
    &NOWHERE
}
