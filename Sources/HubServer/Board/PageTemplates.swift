/// The pages as mustache templates. Double braces escape; no triple braces are used.
enum PageTemplates {
  /// Says which rows of a long list are shown, with links to the others; nothing where all are shown.
  static let pages = """
    {{#position}}<nav class="jump" aria-label="{{pagesLabel}}"><span>{{position}}</span>
    {{#pages}}<a href="{{link}}"{{#isCurrent}} aria-current="page"{{/isCurrent}}>{{label}}</a>
    {{/pages}}</nav>
    {{/position}}
    """

  static let posts = """
    <h1>{{heading}}</h1>
    <nav class="jump" aria-label="{{districtLabel}}">
    {{#districts}}<a href="{{link}}"{{#isCurrent}} aria-current="page"{{/isCurrent}}>{{label}}</a>
    {{/districts}}</nav>
    {{#empty}}<p>{{empty}}</p>{{/empty}}
    {{#posts}}<article class="post">
    <h2>{{heading}}</h2>
    <p class="when">{{when}}</p>
    {{#lines}}<p>{{.}}</p>
    {{/lines}}<div class="pictures">
    {{#pictures}}<a href="{{link}}"><img src="{{link}}" width="{{width}}" height="{{height}}" alt="{{label}}" loading="lazy"></a>
    {{/pictures}}</div>
    {{#missing}}<p class="quiet">{{missing}}</p>{{/missing}}
    {{#hidden}}<p class="quiet">{{hidden}}</p>{{/hidden}}
    <p><a href="{{link}}">{{linkLabel}}</a></p>
    </article>
    {{/posts}}
    <p class="legend">{{legend}}</p>
    """

  static let results = """
    <h1>{{heading}}</h1>
    <p class="lead">{{title}}</p>
    <nav class="jump" aria-label="{{levelLabel}}">
    {{#levels}}<a href="{{link}}"{{#isCurrent}} aria-current="page"{{/isCurrent}}>{{label}}</a>
    {{/levels}}</nav>
    {{> pages}}<section>
    <h2 id="h-part">{{participationLabel}}</h2>
    <div class="scroll" role="region" aria-labelledby="h-part" tabindex="0">
    <table class="few taking">
    <thead><tr>{{#participationColumns}}<th scope="col"{{#isNumber}} class="n"{{/isNumber}}>{{label}}</th>{{/participationColumns}}</tr></thead>
    <tbody>
    {{#participation}}<tr><th scope="row">{{name}}</th><td class="n">{{answers}}</td><td class="n">{{expected}}</td><td class="n share">{{rate}}{{#meter}} <meter min="0" max="1000" value="{{meter}}" aria-hidden="true"></meter>{{/meter}}</td></tr>
    {{/participation}}</tbody>
    </table>
    </div>
    </section>
    <p>{{release}}</p>
    {{#questions}}<section>
    <h2 id="q-{{id}}">{{label}}</h2>
    {{#withheld}}<p class="quiet"><span class="icon" aria-hidden="true">∅</span> {{withheld}}</p>{{/withheld}}
    {{#hasTable}}<div class="scroll" role="region" aria-labelledby="q-{{id}}" tabindex="0">
    <table class="{{kind}}">
    <thead><tr>{{#columns}}<th scope="col"{{#isNumber}} class="n{{#isLong}} long{{/isLong}}"{{/isNumber}}>{{label}}</th>{{/columns}}</tr></thead>
    <tbody>
    {{#rows}}<tr><th scope="row">{{name}}</th>{{#cells}}<td class="{{style}}"{{#span}} colspan="{{span}}"{{/span}}>{{value}}{{#detail}} <small>{{detail}}</small>{{/detail}}{{#meter}} <meter min="0" max="1000" value="{{meter}}" aria-hidden="true"></meter>{{/meter}}</td>{{/cells}}</tr>
    {{/rows}}</tbody>
    </table>
    </div>{{/hasTable}}
    </section>
    {{/questions}}
    <p class="legend">{{legend}}</p>
    """
}
