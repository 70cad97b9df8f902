package import Foundation
internal import SwiftProtobuf

/// What a device that differs from its hub says to it, and what the hub asks for then (L11, docs/adr/0028).
package enum AgreementReport {
  /// The message that says what differs.
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
