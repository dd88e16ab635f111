//! Streams: volumes up and down with their holes, pictures, ends and breaks of
//! every kind; straight to a server, and through our daemon to another one.

use oxivirt_core::client::{Client, Request};
use oxivirt_core::constants::{
    StoragePoolCreateFlags, StorageVolCreateFlags, StorageVolDownloadFlags, StorageVolUploadFlags,
};
use oxivirt_core::interface::{DomainConsole, DomainListing, StoragePools, StorageVolumes};
use oxivirt_core::packets::{DATA_MAX, Packet, PacketEnd};
use oxivirt_core::types::{StoragePool, StorageVolume};
use oxivirt_core::{Call, Result as Answer};
use oxivirt_driver_remote::Carrier;
use oxivirt_tests::sandbox::{Program, Sandbox};

use super::Outcome;
use super::place::{SOON, ask, open, ours, programs, start, text, works};

const MIB: usize = 1 << 20;

/// A server with a storage driver, and how it is reached.
struct Route {
    name: String,
    /// Dropped in this order.
    sandboxes: Vec<Sandbox>,
    uri: String,
}

impl Route {
    /// Straight and through our daemon, to each server.
    ///
    /// * `stock` – the scheme and path of the stock driver that is meant.
    fn all(stock: (&str, &str)) -> Result<Vec<Route>, String> {
        let mut all = Vec::new();
        for (name, program) in programs()? {
            let (scheme, path) = if matches!(program, Program::Stock) { stock } else { ("test", "/default") };
            let inner = start(program.clone())?;
            let uri = inner.uri(scheme, path);
            all.push(Route { name: name.to_owned(), uri, sandboxes: vec![inner] });
            let (inner, outer) = (start(program)?, start(ours()?)?);
            let name_parameter = inner.uri(scheme, path).replace('+', "%2B").replace('?', "%3F");
            let uri = format!("{}&name={name_parameter}", outer.uri("x", "/"));
            all.push(Route { name: format!("ours to {name}"), uri, sandboxes: vec![outer, inner] });
        }
        Ok(all)
    }

    fn open(&self) -> Result<Client<Carrier>, String> {
        let sandbox = &self.sandboxes[0];
        open(&self.uri, sandbox.root()).map_err(|e| sandbox.explain(&text(e)))
    }
}

/// Makes a call with a stream and gives back our end of it.
fn begin(name: &'static str, body: impl FnOnce(&Call) -> Answer<()>) -> Result<PacketEnd, String> {
    let request = Request::new(name);
    Call::with(&request, body).map_err(text)?;
    request.take_stream().ok_or_else(|| format!("no stream came with {name}"))
}

/// A running pool in a folder of its own.
fn pool(client: &Client<Carrier>) -> Result<(tempfile::TempDir, StoragePool), String> {
    let folder = tempfile::tempdir().map_err(text)?;
    let path = folder.path().display();
    let xml = format!("<pool type='dir'><name>streams</name><target><path>{path}</path></target></pool>");
    let pool = ask("storage_pool_create_xml", |call| {
        client.storage_pool_create_xml(call, &xml, StoragePoolCreateFlags::NORMAL)
    })?;
    Ok((folder, pool))
}

fn volume(client: &Client<Carrier>, pool: &StoragePool, name: &str, size: usize) -> Result<StorageVolume, String> {
    let xml = format!(
        "<volume><name>{name}</name><capacity>{size}</capacity><allocation>0</allocation>\
         <target><format type='raw'/></target></volume>"
    );
    ask("storage_vol_create_xml", |call| client.storage_vol_create_xml(call, pool, &xml, StorageVolCreateFlags::EMPTY))
}

fn upload(
    client: &Client<Carrier>,
    volume: &StorageVolume,
    length: usize,
    flags: StorageVolUploadFlags,
) -> Result<PacketEnd, String> {
    begin("storage_vol_upload", |call| client.storage_vol_upload(call, volume, 0, length as u64, flags))
}

fn download(
    client: &Client<Carrier>,
    volume: &StorageVolume,
    flags: StorageVolDownloadFlags,
) -> Result<PacketEnd, String> {
    begin("storage_vol_download", |call| client.storage_vol_download(call, volume, 0, 0, flags))
}

fn send(end: &PacketEnd, packet: &Packet) -> Outcome {
    end.send(packet).map_err(|e| format!("sending: {e}"))
}

fn send_data(end: &PacketEnd, data: &[u8]) -> Outcome {
    data.chunks(DATA_MAX).try_for_each(|part| send(end, &Packet::Data(part.to_vec())))
}

/// Sends the end and waits until it is confirmed.
fn finish(end: &PacketEnd) -> Outcome {
    send(end, &Packet::End)?;
    loop {
        match end.receive().map_err(text)? {
            Some(Packet::Confirmed) => return Ok(()),
            Some(Packet::End) => {}
            other => return Err(format!("instead of a confirmation: {other:?}")),
        }
    }
}

/// What comes until the end: the bytes, holes as zeros, and how many of them were in holes.
fn receive(end: &PacketEnd) -> Result<(Vec<u8>, usize), String> {
    let (mut data, mut holes) = (Vec::new(), 0);
    loop {
        match end.receive().map_err(text)? {
            Some(Packet::Data(part)) => data.extend_from_slice(&part),
            Some(Packet::Hole(length)) => {
                let length = usize::try_from(length).map_err(text)?;
                holes += length;
                data.resize(data.len() + length, 0);
            }
            Some(Packet::End | Packet::Confirmed) => return Ok((data, holes)),
            other => return Err(format!("instead of data: {other:?}")),
        }
    }
}

/// Bytes without a pattern that could hide a mistake.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(length)
    .collect()
}

#[test]
fn volumes_go_up_and_down_with_their_holes() -> Outcome {
    for route in Route::all(("storage", "/system"))? {
        let explain = |error: String| format!("{}: {}", route.name, route.sandboxes[0].explain(&error));
        let client = route.open()?;
        let (_folder, pool) = pool(&client).map_err(explain)?;
        let volume = volume(&client, &pool, "holes", 16 * MIB).map_err(explain)?;
        let (first, last) = (noise(3 * MIB + 17, 1), noise(MIB, 2));
        let end = upload(&client, &volume, 16 * MIB, StorageVolUploadFlags::SPARSE_STREAM).map_err(explain)?;
        send_data(&end, &first)?;
        let hole = 16 * MIB - first.len() - last.len();
        send(&end, &Packet::Hole(hole as u64))?;
        send_data(&end, &last)?;
        finish(&end).map_err(explain)?;
        drop(end);

        let mut wanted = first.clone();
        wanted.resize(first.len() + hole, 0);
        wanted.extend_from_slice(&last);
        let end = download(&client, &volume, StorageVolDownloadFlags::EMPTY).map_err(explain)?;
        let (came, holes) = receive(&end).map_err(explain)?;
        finish(&end).map_err(explain)?;
        assert!(came == wanted, "{}: {} bytes came, {} were sent", route.name, came.len(), wanted.len());
        assert_eq!(holes, 0, "{}", route.name);

        let end = download(&client, &volume, StorageVolDownloadFlags::SPARSE_STREAM).map_err(explain)?;
        let (came, holes) = receive(&end).map_err(explain)?;
        finish(&end).map_err(explain)?;
        assert!(came == wanted, "{}: {} bytes came, {} were sent", route.name, came.len(), wanted.len());
        // File systems keep holes in blocks of their own size.
        assert!(holes > 10 * MIB, "{}: {holes} bytes came as holes", route.name);
    }
    Ok(())
}

#[test]
fn whoever_breaks_off_harms_nobody_else() -> Outcome {
    for route in Route::all(("storage", "/system"))? {
        let explain = |error: String| format!("{}: {}", route.name, route.sandboxes[0].explain(&error));
        let client = route.open()?;
        let (_folder, pool) = pool(&client).map_err(explain)?;
        let volume = volume(&client, &pool, "broken", 8 * MIB).map_err(explain)?;
        // Upwards: said, and just gone.
        for said in [true, false] {
            let end = upload(&client, &volume, 8 * MIB, StorageVolUploadFlags::EMPTY).map_err(explain)?;
            send_data(&end, &noise(MIB, 3))?;
            if said {
                send(&end, &Packet::Abort)?;
            }
            drop(end);
        }
        // Downwards: never read, and left in the middle.
        drop(download(&client, &volume, StorageVolDownloadFlags::EMPTY).map_err(explain)?);
        let end = download(&client, &volume, StorageVolDownloadFlags::EMPTY).map_err(explain)?;
        assert!(matches!(end.receive().map_err(text)?, Some(Packet::Data(_))));
        drop(end);
        // The connection and the volume are of use as before.
        let data = noise(8 * MIB, 4);
        let end = upload(&client, &volume, 8 * MIB, StorageVolUploadFlags::EMPTY).map_err(explain)?;
        send_data(&end, &data)?;
        finish(&end).map_err(explain)?;
        let end = download(&client, &volume, StorageVolDownloadFlags::EMPTY).map_err(explain)?;
        let (came, _) = receive(&end).map_err(explain)?;
        assert!(came == data, "{}: {} bytes came", route.name, came.len());
    }
    Ok(())
}

#[test]
fn several_streams_at_a_time_keep_apart() -> Outcome {
    for route in Route::all(("storage", "/system"))? {
        let explain = |error: String| format!("{}: {}", route.name, route.sandboxes[0].explain(&error));
        let client = route.open()?;
        let (_folder, pool) = pool(&client).map_err(explain)?;
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..3_u32)
                .map(|number| {
                    let (client, pool) = (&client, &pool);
                    scope.spawn(move || -> Outcome {
                        let volume = volume(client, pool, &format!("part-{number}"), 2 * MIB)?;
                        let data = noise(2 * MIB, number);
                        let end = upload(client, &volume, 2 * MIB, StorageVolUploadFlags::EMPTY)?;
                        send_data(&end, &data)?;
                        finish(&end)?;
                        let (came, _) = receive(&download(client, &volume, StorageVolDownloadFlags::EMPTY)?)?;
                        if came == data { Ok(()) } else { Err(format!("{} wrong bytes came", came.len())) }
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "it panicked".to_owned())?)
        })
        .map_err(explain)?;
    }
    Ok(())
}

#[test]
fn failures_of_the_server_reach_the_caller() -> Outcome {
    for route in Route::all(("storage", "/system"))? {
        let explain = |error: String| format!("{}: {}", route.name, route.sandboxes[0].explain(&error));
        let client = route.open()?;
        let (_folder, pool) = pool(&client).map_err(explain)?;
        let volume = volume(&client, &pool, "small", MIB).map_err(explain)?;
        let gone = StorageVolume { name: "gone".into(), key: "/gone".into(), ..volume.clone() };
        let answer = download(&client, &gone, Default::default());
        assert!(answer.is_err(), "{}: a volume that is not there", route.name);
        if route.name.ends_with("stock") {
            // The stock daemon frees something twice when a volume is too small, and ends.
            continue;
        }
        // More than was announced: an error, at once or at the end.
        let end = upload(&client, &volume, MIB, StorageVolUploadFlags::EMPTY).map_err(explain)?;
        let sent = send_data(&end, &noise(4 * MIB, 5)).and_then(|()| send(&end, &Packet::End));
        let mut said = None;
        while said.is_none() {
            match end.receive().map_err(text)? {
                Some(Packet::Failed(error)) => said = Some(error),
                Some(Packet::End) => {}
                other => return Err(explain(format!("four times too much was taken: {sent:?} {other:?}"))),
            }
        }
    }
    Ok(())
}

#[test]
fn pictures_of_a_screen_come_whole() -> Outcome {
    for route in Route::all(("test", "/default"))? {
        let explain = |error: String| format!("{}: {}", route.name, route.sandboxes[0].explain(&error));
        let client = route.open()?;
        works(&client).map_err(explain)?;
        let domain = ask("domain_lookup_by_name", |call| client.domain_lookup_by_name(call, "test"))?;
        let request = Request::new("domain_screenshot");
        let kind = Call::with(&request, |call| client.domain_screenshot(call, &domain, 0, 0)).map_err(text)?;
        assert_eq!(kind.as_deref(), Some("image/png"), "{}", route.name);
        let end = request.take_stream().ok_or("no stream")?;
        let (picture, _) = receive(&end).map_err(explain)?;
        assert!(picture.starts_with(b"\x89PNG") && picture.ends_with(b"IEND\xaeB`\x82"), "{}", route.name);
    }
    Ok(())
}

#[test]
fn a_server_that_dies_breaks_its_streams() -> Outcome {
    for (name, program) in programs()? {
        let stock = matches!(program, Program::Stock);
        let mut sandbox = start(program)?;
        let (scheme, path) = if stock { ("storage", "/system") } else { ("test", "/default") };
        let client = open(&sandbox.uri(scheme, path), sandbox.root()).map_err(text)?;
        let (_folder, pool) = pool(&client)?;
        let volume = volume(&client, &pool, "lost", 64 * MIB)?;
        let end = upload(&client, &volume, 64 * MIB, StorageVolUploadFlags::EMPTY)?;
        send_data(&end, &noise(MIB, 6))?;
        sandbox.kill();
        let began = std::time::Instant::now();
        let last = loop {
            match end.receive().map_err(text)? {
                Some(Packet::Failed(error)) => break error.to_string(),
                Some(_) => {}
                None => return Err(format!("{name}: it just ended")),
            }
        };
        assert!(last.contains("lost"), "{name}: {last}");
        assert!(began.elapsed() < SOON);
    }
    Ok(())
}
