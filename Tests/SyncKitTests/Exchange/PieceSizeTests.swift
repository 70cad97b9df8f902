import Testing

@testable import SyncCore

/// How much one call carries, after calls that did not pass and calls that did.
@Suite struct PieceSizeTests {
  @Test func nothingIsCutUntilSomethingStalls() {
    var piece = PieceSize()
    piece.passed(8 << 20)
    #expect(piece.bytes == nil)
    piece.stalled(carrying: 1 << 20)
    #expect(piece.bytes == PieceSize.bytesFirst)
  }

  @Test func piecesShrinkToTheLeastAndGrowAgain() {
    var piece = PieceSize()
    for _ in 0..<20 { piece.stalled(carrying: nil) }
    #expect(piece.bytes == PieceSize.bytesMin)
    // What carried little says nothing about more.
    piece.passed(100)
    #expect(piece.bytes == PieceSize.bytesMin)
    var calls = 0
    while let bytes = piece.bytes, calls < 50 {
      piece.passed(bytes)
      calls += 1
    }
    #expect(piece.bytes == nil && calls < 15)
  }

  @Test func aSmallCallThatStallsGivesSmallerOnes() {
    var piece = PieceSize()
    piece.stalled(carrying: 20_000)
    #expect(piece.bytes == 10_000)
    piece.stalled(carrying: 500)
    #expect(piece.bytes == PieceSize.bytesMin)
  }

  @Test func whatAProxyRefusedIsNotTriedAgain() {
    var piece = PieceSize()
    piece.wasTooLarge(40_000)
    for _ in 0..<10 { piece.passed(piece.bytes ?? .max) }
    #expect(piece.bytes.map { $0 < 40_000 && $0 >= PieceSize.bytesMin } == true)
  }
}
