/// Explains an answer that did not come from a hub, so that a person knows what to do and a device whether to try again.
package enum ForeignAnswer {
  /// Returns whether a status means that a proxy, or the hub behind it, cannot take a call now. Codes from 520 on are those of
  /// content networks.
  private static func isTrouble(_ status: Int) -> Bool {
    [408, 425, 429].contains(status) || (500...599).contains(status) && ![501, 505, 511].contains(status)
  }

  /// Returns the error for an answer.
  ///
  /// - Parameter place: Address that was asked, for people; nil when there is none.
  static func error(_ response: HubResponse, at place: String?) -> SyncError {
    let isPage = response.headers["content-type"]?.contains("html") == true
    switch response.status {
    case 301, 302, 303, 307, 308:
      guard let location = response.headers["location"], !location.isEmpty else { break }
      var error = moved(to: location.prefix(addressCharactersMax).description)
      error.moved = SyncError.Move(location: location, isForGood: [301, 308].contains(response.status))
      return error
    case 413:
      return SyncError(
        .cutSmaller, vi: "Máy đứng trước máy chủ không nhận nhiều dữ liệu như vậy một lần; sẽ gửi thành phần nhỏ hơn.",
        en: "Something in front of the hub does not take that much at once; will send smaller pieces.")
    case let status where isTrouble(status):
      return SyncError(
        .proxyTrouble,
        vi:
          "Máy đứng trước máy chủ báo chưa chuyển được (mã \(status)): máy chủ đang bận, khởi động lại hoặc mất liên lạc. Hãy thử lại sau.",
        en:
          "Something in front of the hub cannot pass the call on (status \(status)): the hub is busy, restarting or out of reach. Try again later.",
        retryAfterSeconds: response.headers["retry-after"].flatMap { Int($0) }.map { min(max($0, 0), retrySecondsMax) })
    case 511,
      200..<300 where isPage:
      return loginPage
    case 407:
      return SyncError(
        .notAHub, vi: "Mạng này có máy trung gian đòi đăng nhập (mã 407): hỏi người quản mạng tên và mật khẩu, hoặc dùng mạng khác.",
        en: "A proxy of this network wants a login (status 407): ask whoever runs the network for one, or use another network.")
    case 401, 403:
      let asked = place.map { " \($0)" } ?? ""
      return SyncError(
        .notAHub,
        vi:
          "Một máy đứng trước máy chủ\(asked) không cho gọi vào (mã \(response.status)); đó không phải câu trả lời của máy chủ tỉnh. Báo người quản máy đó cho qua các địa chỉ /v1/.",
        en:
          "Something in front of the hub\(asked) does not let calls in (status \(response.status)); the hub itself did not answer. Whoever runs it must let /v1/ pass."
      )
    default: break
    }
    let named = place.map { " \($0)" } ?? ""
    return SyncError(
      .notAHub, vi: "Địa chỉ\(named) không phải máy chủ tỉnh (mã \(response.status)); kiểm tra lại địa chỉ.",
      en: "The address\(named) is not a hub (status \(response.status)); check the address.")
  }

  /// Error of a proxy that refuses even the smallest piece.
  package static var takesNothing: SyncError {
    SyncError(
      .notAHub,
      vi:
        "Máy đứng trước máy chủ không nhận cả phần nhỏ nhất (mã 413). Người quản máy đó phải cho phép gửi lớn hơn (nginx: client_max_body_size). Dữ liệu vẫn ở trên máy này.",
      en:
        "Something in front of the hub refuses even the smallest piece (status 413). Whoever runs it must allow larger bodies (nginx: client_max_body_size). Your data is safe on this device."
    )
  }

  /// Longest wait that is asked for, in seconds.
  private static let retrySecondsMax = 3_600
  /// Characters shown of an address.
  private static let addressCharactersMax = 200

  package static var loginPage: SyncError {
    SyncError(
      .loginPage,
      vi:
        "Nhận được một trang web thay vì máy chủ tỉnh: mạng Wi-Fi có thể đòi đăng nhập. Mở trình duyệt, đăng nhập, rồi thử lại; nếu không phải vậy thì kiểm tra địa chỉ.",
      en:
        "A web page answered instead of the hub: the Wi-Fi may want a login. Open a browser, log in, and try again; if that is not it, check the address."
    )
  }

  static func moved(to address: String) -> SyncError {
    SyncError(
      .moved, vi: "Máy chủ được báo là đã chuyển sang \(address). Hãy hỏi tỉnh xem có đúng không, rồi dùng địa chỉ đó.",
      en: "The hub is said to have moved to \(address). Ask its operator whether that is so, then use that address.")
  }
}
