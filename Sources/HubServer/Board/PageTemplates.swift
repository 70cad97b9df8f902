/// The pages as mustache templates. Double braces escape; no triple braces are used.
enum PageTemplates {
  static let head = """
    <!doctype html>
    <html lang="{{frame.lang}}">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    {{#frame.refresh}}<meta http-equiv="refresh" content="{{frame.refresh}}">{{/frame.refresh}}
    <title>{{frame.title}}</title>
    <link rel="stylesheet" href="/style.css">
    </head>
    <body>
    <a class="skip" href="#main">{{frame.skip}}</a>
    <nav aria-label="SyncKit">
    <a href="{{frame.boardLink}}">{{frame.boardLabel}}</a>
    <a href="{{frame.resultsLink}}">{{frame.resultsLabel}}</a>
    <a href="{{frame.postsLink}}">{{frame.postsLabel}}</a>
    <a class="other" lang="{{frame.otherCode}}" hreflang="{{frame.otherCode}}" href="{{frame.otherLink}}">{{frame.otherLanguage}}</a>
    </nav>
    {{#frame.campaignsLabel}}<nav class="campaigns" aria-label="{{frame.campaignsLabel}}"><ul>
    {{#frame.campaigns}}<li><a href="{{link}}"{{#isCurrent}} aria-current="page"{{/isCurrent}}>{{label}}</a></li>
    {{/frame.campaigns}}{{#frame.moreCampaigns}}<li>{{frame.moreCampaigns}}</li>{{/frame.moreCampaigns}}</ul></nav>
    {{/frame.campaignsLabel}}

    """

  static let foot = """
    <footer><p>{{frame.note}}</p></footer>
    </body>
    </html>

    """

  /// Says which rows of a long list are shown, with links to the others; nothing where all are shown.
  static let pages = """
    {{#position}}<nav class="jump" aria-label="{{pagesLabel}}"><span>{{position}}</span>
    {{#pages}}<a href="{{link}}"{{#isCurrent}} aria-current="page"{{/isCurrent}}>{{label}}</a>
    {{/pages}}</nav>
    {{/position}}
    """

  static let message = """
    {{> head}}
    <main id="main"><h1>SyncKit</h1><p>{{text}}</p></main>
    {{> foot}}
    """

  static let posts = """
    {{> head}}
    <main id="main">
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
    </article>
    {{/posts}}
    <p class="legend">{{legend}}</p>
    </main>
    {{> foot}}
    """

  static let board = """
    {{> head}}
    <main id="main">
    <h1>{{province}}</h1>
    <p class="lead">{{campaign}}</p>
    <p class="when">{{when}}</p>
    <dl class="band">
    {{#band}}<div class="{{tone}}"><dt>{{label}}</dt><dd>{{value}}{{#detail}} <small>{{detail}}</small>{{/detail}}</dd></div>
    {{/band}}</dl>
    {{#alert}}<p class="alert {{tone}}" role="alert"><span class="icon" aria-hidden="true">{{icon}}</span> {{#parts}}{{#isCommand}}<code><span>{{text}}</span>{{#rest}} <span>{{.}}</span>{{/rest}}</code>{{/isCommand}}{{^isCommand}}{{text}}{{/isCommand}}{{/parts}}</p>
    {{/alert}}    {{#jumpLabel}}<nav class="jump" aria-label="{{jumpLabel}}">
    {{#jumps}}<a href="{{link}}"{{#isCurrent}} aria-current="page"{{/isCurrent}}>{{label}}</a>
    {{/jumps}}</nav>
    {{/jumpLabel}}{{> pages}}<div class="scroll" role="region" aria-labelledby="caption" tabindex="0">
    <table class="board">
    <caption id="caption">{{caption}}</caption>
    <thead><tr>
    {{#columns}}<th scope="col"{{#isNumber}} class="n"{{/isNumber}}>{{label}}</th>
    {{/columns}}</tr></thead>
    {{#districts}}<tbody>
    <tr class="district" id="{{anchor}}"><th scope="rowgroup">{{#link}}<a href="{{link}}">{{/link}}{{name}}{{#link}}</a>{{/link}}</th>
    {{#sum}}<td class="{{style}}">{{value}}{{#detail}} <small>{{detail}}</small>{{/detail}}</td>
    {{/sum}}</tr>
    {{#rows}}<tr><th scope="row">{{name}}<small>, {{district}}</small></th>
    {{#cells}}<td class="{{style}}">{{#icon}}<span class="icon" aria-hidden="true">{{icon}}</span> {{/icon}}{{value}}{{#detail}} <small>{{detail}}</small>{{/detail}}</td>
    {{/cells}}</tr>
    {{/rows}}</tbody>
    {{/districts}}<tbody>
    <tr class="district total"><th scope="row">{{totalLabel}}</th>
    {{#total}}<td class="{{style}}">{{value}}{{#detail}} <small>{{detail}}</small>{{/detail}}</td>
    {{/total}}</tr></tbody>
    </table>
    </div>
    <p class="legend">{{legend}}</p>
    </main>
    {{> foot}}
    """

  static let results = """
    {{> head}}
    <main id="main">
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
    </main>
    {{> foot}}
    """
}
