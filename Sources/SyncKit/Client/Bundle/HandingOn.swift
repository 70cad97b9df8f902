internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
public import SyncCore

/// Result of uploading carried parcels, once there was a network.
public struct HandingOn: Sendable, Hashable, Codable {
  /// Parcels that the hub has read; they are carried no more.
  public var delivered = 0
  /// Parcels for other devices that came back in answer, and are carried now.
  public var returns = 0
}

extension Replica {
  /// Approximate bytes of the bundles in which a carried parcel is uploaded.
  private static let callBytes = 4 << 20

  /// Uploads what is carried for the hub, and collects the hub's answers to other devices.
  ///
  /// - Throws: `SyncError`; what was not uploaded is still carried.
  public func handOn(_ courier: Courier, through transport: any Transport) async throws -> HandingOn {
    var done = HandingOn()
    let enrolled = try await enrolment()
    let items = try courier.items().filter { $0.to == nil || $0.to == enrolled?.hub }
    guard let enrolled, !items.isEmpty else { return done }
    let driver = SyncDriver(replica: self, transport: transport, options: SyncOptions())
    _ = try await driver.perform(.greet)
    let hub = try await hubKey()
    for item in items {
      try Task.checkCancellation()
      var marks: Set<Data> = []
      let parts = try courier.cut(item, partBytesMax: Self.callBytes)
      defer { for part in parts { try? FileManager.default.removeItem(atPath: part.path) } }
      for part in parts {
        let answer = try await Self.bring(try Data(contentsOf: URL(fileURLWithPath: part.path)), driver)
        guard !answer.isEmpty else { continue }
        let taken = try courier.takeReturn(answer, except: [enrolled.replica])
        done.returns += taken.parcels
        marks.formUnion(Courier.marks(in: taken.deliveries, signedBy: hub))
      }
      guard parts.allSatisfy({ marks.contains($0.mark) }) else { continue }
      courier.drop(item)
      done.delivered += 1
    }
    return done
  }

  /// Uploads a bundle piece by piece, continuing from what the hub has.
  ///
  /// - Returns: The hub's answer to the whole bundle.
  private static func bring(_ bundle: Data, _ driver: SyncDriver) async throws -> Data {
    let target = "/v1/bundles/\(BlobID(of: bundle).hex)?size=\(bundle.count)"
    // Begins with a call that only asks how much the hub has.
    var (offset, end) = (0, 0)
    while true {
      var request = HubRequest("PUT", target, body: Data(bundle[offset..<end]))
      request.headers["upload-offset"] = String(offset)
      let name = LocalizedText(vi: "trả lời về bọc dữ liệu", en: "answer about a bundle")
      let taken = try WireBundleTaken.parse(try await call(request, driver).body, named: name)
      let have = Int(clamping: taken.bytes)
      guard have < bundle.count else { return taken.return }
      // Refuses a hub that makes no progress.
      guard have > offset || end == offset else { throw ByteReader.short }
      (offset, end) = (have, min(bundle.count, have + WireLimits.blobPieceBytesMax))
    }
  }

  /// Sends one piece. Waits, and sends it again, while the hub says that it is busy or that this device has brought much: a courier
  /// brings the work of many.
  private static func call(_ request: HubRequest, _ driver: SyncDriver) async throws -> HubResponse {
    let retry = driver.options.retry
    var failures = 0
    while true {
      do { return try await driver.exchangeSigned(request) } catch let error as SyncError where error.code == .busy {
        failures += 1
        guard failures < retry.attemptsMax else { throw error }
        let askedMs = error.retryAfterSeconds.map { $0 * 1000 } ?? retry.delayFirstMs
        try await Task.sleep(for: .milliseconds(min(askedMs, retry.delayMaxMs)))
      }
    }
  }
}

extension Courier {
  /// Divides one carried parcel into bundles that each fit into a call.
  fileprivate func cut(_ item: Item, partBytesMax: Int) throws -> [(path: String, mark: Data)] {
    let writer = try BundleWriter(folder + "/sent", partBytesMax: partBytesMax)
    let reader = try BundleReader(folder + "/" + item.file)
    while let next = try reader.next() {
      guard case .section(let section, let body) = next, let parcel = section.parcel else { continue }
      try writer.pass(section.head, body, of: parcel)
    }
    return try writer.finish().compactMap { path in try Self.mark(of: path).map { (path, $0) } }
  }

  /// Returns the digest of a file that holds one parcel.
  private static func mark(of path: String) throws -> Data? {
    let reader = try BundleReader(path)
    var mark: DeliveryDigest?
    while let next = try reader.next() {
      switch next {
      case .parcel(let parcel): mark = mark ?? DeliveryDigest(parcel)
      case .section(let section, _): mark?.add(section.head)
      case .damage: break
      }
    }
    return mark?.value
  }

  fileprivate func takeReturn(_ bytes: Data, except own: Set<ReplicaID>) throws -> (parcels: Int, deliveries: [Data]) {
    let path = folder + "/answer"
    do { try bytes.write(to: URL(fileURLWithPath: path)) } catch { throw BundleFault.unwritable(path, error) }
    defer { try? FileManager.default.removeItem(atPath: path) }
    var deliveries: [Data] = []
    let reader = try BundleReader(path)
    while let next = try reader.next() {
      if case .section(let section, let body) = next, section.kind == .delivery, deliveries.count < BundleLimits.marksMax {
        deliveries.append(body)
      }
    }
    return (try collect(path, except: own).parcels, deliveries)
  }

  /// Returns the digests that this hub signed; those of another hub, or unsigned ones, prove nothing.
  static func marks(in deliveries: [Data], signedBy hub: VerifyingKey) -> Set<Data> {
    var marks: Set<Data> = []
    for bytes in deliveries {
      guard let body = try? hub.open(bytes, as: .delivery), let wire = try? WireBundleDelivery(serializedBytes: body),
        wire.hub == hub.replica.bytes, wire.marks.count <= BundleLimits.marksMax
      else { continue }
      marks.formUnion(wire.marks)
    }
    return marks
  }
}
