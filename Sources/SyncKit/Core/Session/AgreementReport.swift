package import Foundation
internal import SwiftProtobuf

/// Messages of a device whose data differs from its hub's, and of the hub that asks for the device's rows (L11, docs/adr/0028).
package enum AgreementReport {
  /// Encodes the message with the differing tables.
  package static func bytes(of different: [TableDigest]) throws -> Data {
    var report = WireAgreementReport()
    report.different = different.prefix(WireLimits.digestsMax).map { digest in
      var part = WireDigest()
      (part.scope, part.table, part.sum, part.rows) = (digest.scope, digest.table, digest.sum, UInt64(max(0, digest.rows)))
      return part
    }
    return try report.serializedData()
  }

  package static let name = LocalizedText(vi: "so sánh với tỉnh", en: "comparison with the hub")
  package static let askName = LocalizedText(vi: "yêu cầu gửi lại", en: "request to send again")
}
