import Foundation
import SurveyKit
import TestSupport
import Testing

/// Stores on disks that are full or read-only: they can be read, examined and carried away, and nothing of it counts twice.
@Suite struct UnwritableStoreTests {
  /// Makes a disk of its own for a copy of the device's store, with a post in it that is only in the log.
  private static let disk = """
    set -e
    field=$1 hub=$2 dir=$3 how=$4 left=$5
    mkdir disk out && mount -t tmpfs -o size=64m none disk && cp -p a.sqlite a.sqlite.key disk/
    export SYNCKIT_FIELD=disk/a.sqlite LANG=en_US.UTF-8
    python3 - "$field" <<'END'
    import os, sqlite3, subprocess, sys
    # A reader that goes without closing, as a program that is killed does: the log stays.
    reader = sqlite3.connect("disk/a.sqlite", isolation_level=None)
    reader.execute("BEGIN"); reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
    ended = subprocess.run([sys.argv[1], "post", "precious"]).returncode
    assert os.path.getsize("disk/a.sqlite-wal") > 0
    os._exit(ended)
    END
    case $left in
      log) rm -f disk/a.sqlite-shm ;;
      none) python3 -c 'import sqlite3; c = sqlite3.connect("disk/a.sqlite"); c.execute("PRAGMA wal_checkpoint(TRUNCATE)"); c.close()'
        rm -f disk/a.sqlite-wal disk/a.sqlite-shm ;;
    esac
    case $how in
      full) dd if=/dev/zero of=disk/ballast bs=1M 2>/dev/null || true
        mount -o remount,size=1k disk 2>/dev/null || true
        while head -c 4096 /dev/zero >>disk/ballast 2>/dev/null; do :; done ;;
      readonly) mount -o remount,ro disk ;;
      nobody) chmod a=r disk/*; chmod a=rx disk; chmod 777 out
        chmod o+x . ..
        field="setpriv --reuid=65534 --regid=65534 --clear-groups $field" ;;
    esac
    set +e
    cat disk/a.sqlite disk/a.sqlite-wal 2>/dev/null | cksum >before
    """

  private func run(_ script: String, _ world: TroubleWorld, _ arguments: [String]) async throws -> ToolProcess.Ended {
    let command =
      ["unshare", "-m", "bash", "-c", Self.disk + "\n" + script, "bash", Tool.path("field"), Tool.path("hub"), world.dir] + arguments
    return try await ToolProcess.Running(command, folder: world.folder.path, environment: [:]).end()
  }

  /// A folder's way and what a program that was killed left beside the store.
  @Test(
    .long, .enabled(if: SmallDisk.canMount, SmallDisk.needs),
    arguments: ["full", "readonly", "nobody"], ["all", "log", "none"])
  func aStoreThatCannotBeWrittenIsReadAndCarriedAway(how: String, left: String) async throws {
    let world = try await TroubleWorld()
    _ = try await world.device("a")
    let ended = try await run(
      """
      for command in status list "list --json" next forms posts conflicts doctor; do
        $field $command >out.txt 2>err.txt || { echo "$command ended with $?: $(cat out.txt err.txt)"; }
        case $command in doctor) ;; *) [ $how = full ] || grep -q 'cannot be written' err.txt || echo "$command did not say so" ;; esac
      done
      $field status --json 2>/dev/null | grep -q '"pendingChanges" : 1' || echo "the post is not seen"
      $field export out/work.skb >out.txt 2>err.txt || echo "export ended with $?: $(cat err.txt)"
      grep -q 'Wrote 1 changes' out.txt || echo "exported: $(cat out.txt)"
      grep -q 'cannot be written' err.txt || echo "export did not say that the store cannot be written"
      [ $how = full ] || cat disk/a.sqlite disk/a.sqlite-wal 2>/dev/null | cksum | cmp - before || echo "the store was changed"
      "$hub" import out/work.skb --dir "$dir" >out.txt 2>&1 || echo "import ended with $?: $(cat out.txt)"
      "$hub" posts --dir "$dir" | grep -c precious
      for copy in $(ls /dev/shm "${TMPDIR:-/tmp}" | grep synckit-scratch-); do
        process=${copy#synckit-scratch-}
        kill -0 "${process%%-*}" 2>/dev/null || [ ! -e "/dev/shm/$copy" ] || echo "a copy was left"
      done
      exit 0
      """, world, [how, left])
    let said = ended.out.split(separator: "\n").filter { !$0.hasPrefix("Posted ") }
    #expect(ended.code == 0 && said == ["1"], "\(ended.out) \(ended.err)")
  }

  /// Work that was carried away from a full disk is there once, whatever is written after the disk was freed.
  @Test(.long, .enabled(if: SmallDisk.canMount, SmallDisk.needs), arguments: [false, true])
  func workCarriedAwayIsThereOnce(goesOn: Bool) async throws {
    let world = try await TroubleWorld()
    _ = try await world.device("a")
    let ended = try await run(
      """
      $field export out/work.skb >/dev/null 2>err.txt || cat err.txt
      "$hub" import out/work.skb --dir "$dir" >out.txt 2>&1 || cat out.txt
      rm -f disk/ballast; mount -o remount,size=64m disk
      [ $left = none ] || $field post "another" || echo "the second post failed"
      $field sync || echo "sync failed"
      $field sync || echo "sync failed"
      $field status --json >status.json
      "$hub" verify --dir "$dir" >out.txt || cat out.txt
      exit 0
      """, world, ["full", goesOn ? "all" : "none"])
    #expect(ended.code == 0 && !ended.out.contains("failed"), "\(ended.out) \(ended.err)")
    let posts = try await world.hub("posts", "--json")
    let said = try #require(try JSONSerialization.jsonObject(with: Data(posts.output.utf8)) as? [[String: Any]])
    #expect(said.compactMap { $0["words"] as? String }.sorted() == (goesOn ? ["another", "precious"] : ["precious"]), "\(posts.output)")
    let text = try String(contentsOfFile: world.folder.path + "/status.json", encoding: .utf8)
    let status = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(status["addsUp"] as? Bool == true && (status["status"] as? [String: Any])?["openConflicts"] as? Int == 0, "\(text)")
    // What was sealed in the copy and what is sealed in the store are batches of one number: the device takes another name.
    let devices = try await world.hub("devices", "list", "--json")
    let known = try #require(try JSONSerialization.jsonObject(with: Data(devices.output.utf8)) as? [[String: Any]])
    #expect(known.count == 2, "\(devices.output)")
  }

  @Test(.long, .enabled(if: SmallDisk.canMount, SmallDisk.needs), arguments: ["full", "readonly"])
  func aHubThatCannotBeWrittenIsReadAndVerified(how: String) async throws {
    let world = try await TroubleWorld()
    let device = try await world.device("a")
    #expect(try await device.run("post", "precious").status == 0)
    _ = try await device.sync()
    await world.stop()
    let script = """
      mkdir disk && mount -t tmpfs -o size=64m none disk && cp -rp "$2" disk/hub || exit 90
      case $3 in
        full) while head -c 65536 /dev/zero >>disk/ballast 2>/dev/null; do :; done
          while head -c 1 /dev/zero >>disk/ballast 2>/dev/null; do :; done ;;
        readonly) mount -o remount,ro disk ;;
      esac
      for command in status "status --json" verify "devices list" acts codes conflicts "held list" "campaign list" "forms list" posts next; do
        "$1" $command --dir disk/hub >out.txt 2>err.txt || echo "$command ended with $?: $(cat out.txt err.txt)"
        [ "$3 $command" != "readonly status" ] || grep -q 'cannot be written' err.txt || echo "it did not say so"
      done
      for option in "" --not-kept; do
        "$1" backup "away$option.sqlite" $option --dir disk/hub >out.txt 2>err.txt || echo "backup $option ended with $?: $(cat out.txt err.txt)"
        grep -q 'are not told' err.txt || echo "backup $option did not say that devices are not told: $(cat err.txt)"
      done
      "$1" qr --out codes --dir disk/hub >out.txt 2>err.txt || echo "qr ended with $?: $(cat out.txt err.txt)"
      "$1" backup disk/on-it.sqlite --dir disk/hub >out.txt 2>err.txt && echo "a backup on the same disk worked"
      "$1" restore away.sqlite --dir again >out.txt 2>err.txt && cp -rp disk/hub/keys again/ || echo "restore ended: $(cat out.txt err.txt)"
      "$1" posts --dir again 2>&1 | grep -q precious || echo "the post is not in the backup"
      "$1" verify --dir again >out.txt 2>err.txt || echo "verify ended with $?: $(cat out.txt err.txt)"
      """
    let ended = try await ToolProcess.Running(
      ["unshare", "-m", "bash", "-c", script, "bash", Tool.path("hub"), world.dir, how], folder: world.folder.path, environment: [:]
    ).end()
    #expect(ended.code == 0 && ended.out.isEmpty, "\(ended.out) \(ended.err)")
  }
}

/// Small disks of a test's own.
enum SmallDisk {
  static let needs: Comment = "needs leave to mount a small file system: run as root with unshare"

  static let canMount: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "unshare -m mount -t tmpfs -o size=1m none /mnt 2>/dev/null"]
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()
}
