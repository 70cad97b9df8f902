internal import ArgumentParser

@main struct Field: ParsableCommand {}
