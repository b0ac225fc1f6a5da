# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Sites;

# The virtual hosts of the live tests: one file of directives (t/conf/site.conf), filled in for each of them.

use strict;
use warnings;

# Columns of an operator's own, as t/conf/columns-*.sql makes them; and one virtual host on the same rows that has fewer.
my $FIELDS = <<'END';
    BetterAuthField user company string required column=company_name
    BetterAuthField user age number
    BetterAuthField user beta boolean default=false
    BetterAuthField user birthday date
    BetterAuthField user plan string readonly default=free
    BetterAuthField user secretNote string hidden
    BetterAuthField user note string readonly
    BetterAuthField session theme string default=light
    BetterAuthField session level number readonly default=1
    BetterAuthField session seen date
END

# name => what differs. columns: the database has them too. database: consumers that share one name share the rows.
our %PLAIN = (
    mysql         => { dialect => 'mysql', database => 'ba_mysql' },
    sqlite        => { dialect => 'sqlite' },
    catchall      => { dialect => 'mysql', database => 'ba_mysql', closed => 1,
                       extra => "    ProxyPass / http://127.0.0.1:\@ECHO\@/\n" },
    rewritten     => { dialect => 'mysql', database => 'ba_mysql', closed => 1,
                       extra => "    RewriteEngine on\n    RewriteRule ^/(.*)\$ http://127.0.0.1:\@ECHO\@/\$1 [P]\n" },
    # everything of a site behind the guard; sections come after those of site.conf, so they count
    'whole-site'  => { dialect => 'mysql', database => 'ba_mysql', extra => <<'END' },
    <Location "/">
        AuthType Session
        AuthName "Everything"
        Require valid-user
    </Location>
    <Location "/open">
        Require all granted
    </Location>
    <LocationMatch "^/basic/">
        AuthType Basic
    </LocationMatch>
END
    'whole-site-ip' => { dialect => 'mysql', database => 'ba_mysql', extra => <<'END' },
    <Location "/">
        AuthType Session
        AuthName "Everything"
        Require valid-user
    </Location>
    <Location "/auth">
        Require ip 10.9.8.7
    </Location>
    <Location "/auth/sign-out">
        AuthMerging And
        Require valid-user
    </Location>
    <Location "/api/auth/sign-up">
        Require all denied
    </Location>
END
    bearer        => { dialect => 'mysql', database => 'ba_mysql', extra => "    BetterAuthBearer on\n" },
    'bearer-lite' => { dialect => 'sqlite', extra => "    BetterAuthBearer on\n" },
    limits        => { dialect => 'mysql', database => 'ba_mysql', extra => "    BetterAuthMaxSessionsPerUser 3\n    BetterAuthSessionMaxLifetime 10d\n" },
    'limits-lite' => { dialect => 'sqlite', extra => "    BetterAuthMaxSessionsPerUser 3\n    BetterAuthSessionMaxLifetime 10d\n" },
    fields        => { dialect => 'mysql', database => 'ba_fields', columns => 1, extra => $FIELDS },
    'fields-few'  => { dialect => 'mysql', database => 'ba_fields', extra => "    BetterAuthField user age string\n" },
    'fields-none' => { dialect => 'mysql', database => 'ba_fields' },
    'fields-lite' => { dialect => 'sqlite', columns => 1, extra => $FIELDS },
    node          => { dialect => 'mysql', database => 'ba_node', scrypt => 1 },
    'node-own'    => { dialect => 'mysql', database => 'ba_node_own', scrypt => 1 },
    parity        => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1 },
    'parity-closed' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthSignUp off\n" },
    'parity-manual' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthAutoSignIn off\n" },
    'parity-verify' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthRequireEmailVerification on\n" },
    'parity-bearer' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthBearer on\n" },
    'parity-bearer-signed' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthBearer signed\n" },
    'parity-disabled' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthDisablePath /ok /update-user/\n    BetterAuthDisablePath /sign-in/email\n" },
    'parity-slash' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthSkipTrailingSlash on\n    BetterAuthDisablePath /error\n" },
    'parity-post' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthSessionRefresh post\n" },
    'parity-still' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthSessionRefresh off\n    BetterAuthEmailPassword off\n    BetterAuthErrorURL https://app.example?a=b#c\n" },
    'parity-other' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, origin => 'https://auth.test', extra => <<'END' },
    BetterAuthErrorURL /sorry
    BetterAuthUnlinkAll on
    BetterAuthCookieAttributes SameSite=None Partitioned Path=/api
    BetterAuthIPTracking off
    BetterAuthGenerateID uuid
END
    'parity-subnet' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, extra => "    BetterAuthIPv6Subnet 48\n" },
    'parity-fields' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, columns => 1, extra => $FIELDS },
    'parity-secure' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, origin => 'https://auth.test',
                       extra => "    BetterAuthTrustedOrigins https://*.x.example *.y.example\n" },
);

# The build with sanitizers serves what runs twice.
our %ASAN = map { $_ => { %{ $PLAIN{$_} } } } qw(mysql sqlite catchall rewritten whole-site whole-site-ip bearer bearer-lite limits limits-lite
    fields fields-few fields-none fields-lite);
$_->{database} && ($_->{database} .= '_asan') for values %ASAN;

# What the npm servers of the oracle are told, by name; the httpd site "parity-NAME" is configured alike.
our %NPM = (
    main   => { database => 'ba_npm' },
    node   => { database => 'ba_node' },
    'node-own' => { database => 'ba_node_own' },
    parity => { database => 'ba_parity_npm' },
    'parity-closed' => { database => 'ba_parity_npm', options => { emailAndPassword => { disableSignUp => \1 } } },
    'parity-manual' => { database => 'ba_parity_npm', options => { emailAndPassword => { autoSignIn => \0 } } },
    'parity-verify' => { database => 'ba_parity_npm', options => { emailAndPassword => { requireEmailVerification => \1 } } },
    'parity-bearer' => { database => 'ba_parity_npm', plugins => { bearer => {} } },
    'parity-bearer-signed' => { database => 'ba_parity_npm', plugins => { bearer => { requireSignature => \1 } } },
    'parity-disabled' => { database => 'ba_parity_npm', options => { disabledPaths => ['/ok', '/update-user', '/sign-in/email'] } },
    'parity-slash' => { database => 'ba_parity_npm', options => { advanced => { skipTrailingSlashes => \1 }, disabledPaths => ['/error'] } },
    'parity-post' => { database => 'ba_parity_npm', options => { session => { deferSessionRefresh => \1 } } },
    'parity-still' => { database => 'ba_parity_npm', options => { session => { disableSessionRefresh => \1 }, emailAndPassword => { enabled => \0 },
        onAPIError => { errorURL => 'https://app.example?a=b#c' } } },
    'parity-other' => { database => 'ba_parity_npm', baseURL => 'https://auth.test', options => { onAPIError => { errorURL => '/sorry' },
        account => { accountLinking => { allowUnlinkingAll => \1 } }, advanced => { defaultCookieAttributes => { sameSite => 'none', partitioned => \1, path => '/api' },
        ipAddress => { disableIpTracking => \1 }, database => { generateId => 'uuid' } } } },
    'parity-subnet' => { database => 'ba_parity_npm', options => { advanced => { ipAddress => { ipv6Subnet => 48 } } } },
    'parity-fields' => { database => 'ba_parity_npm', columns => 1, options => {
        user => { additionalFields => {
            company => { type => 'string', required => \1, fieldName => 'company_name' }, age => { type => 'number', required => \0 },
            beta => { type => 'boolean', required => \0, defaultValue => \0 }, birthday => { type => 'date', required => \0 },
            plan => { type => 'string', required => \0, input => \0, defaultValue => 'free' }, secretNote => { type => 'string', required => \0, returned => \0 },
            note => { type => 'string', required => \0, input => \0 } } },
        session => { additionalFields => {
            theme => { type => 'string', required => \0, defaultValue => 'light' }, level => { type => 'number', required => \0, input => \0, defaultValue => 1 },
            seen => { type => 'date', required => \0 } } } } },
    'parity-secure' => { database => 'ba_parity_npm', baseURL => 'https://auth.test',
        options => { trustedOrigins => ['https://*.x.example', '*.y.example'] } },
);

# Text of one virtual host. %with: srcdir, secret, origin, echo, params (of mod_dbd), cgi.
sub conf {
    my ($site, %with) = @_;
    open my $in, '<', "$with{srcdir}/t/conf/site.conf" or die "t/conf/site.conf: $!\n";
    local $/;
    my $text = <$in>;
    my %value = (
        DRIVER => $site->{dialect} eq 'mysql' ? 'mysql' : 'sqlite3',
        PARAMS => $with{params},
        SECRET => $with{secret},
        ORIGIN => $site->{origin} // $with{origin},
        ROOT   => "$with{srcdir}/t/conf/site",
        HASH   => $site->{scrypt} ? 'BetterAuthPasswordHash scrypt' : '# the default hash',
        ECHO   => $with{echo},
    );
    $text =~ s/^# content$(.*)^# end of content$//ms if $site->{closed};    # a host that is nothing but a back end
    $text .= $site->{extra} // '';
    $text .= "    RemoteIPHeader X-Forwarded-For\n    RemoteIPInternalProxy 127.0.0.1\n" if $site->{remoteip};
    $text =~ s{\@([A-Z]+)\@}{$value{$1} // die "site.conf: no value for $1\n"}ge;
    return $text;
}

# --- For the httpd that a test has for itself: text for private_httpd's "main" ----------------------------------------

# Modules that the other servers do without.
sub load { my $dir = $ENV{BA_MODULEDIR} || '/usr/lib/apache2/modules'; return join '', map { "LoadModule ${_}_module $dir/mod_$_.so\n" } @_ }

# The SQLite file of the private httpd of that name.
sub file { my ($name) = @_; return BATest::state()->{workdir} . "/$name-" . BATest::flavour() . '/site.db' }

# One more virtual host; request() knows it by its name from then on.
#   file: its SQLite database, drop: which lines of site.conf to leave out, extra: more directives, bare: only those
sub vhost {
    my ($name, %o) = @_;
    my $state = BATest::state();
    my %site = (dialect => 'sqlite', file => $o{file}, port => BATest::free_port(), private => 1, extra => $o{extra});
    $state->{flavours}{ BATest::flavour() }{sites}{$name} = \%site;
    my $conf = $o{bare} ? $o{extra} : conf(\%site, %$state, params => $o{file});
    $conf =~ s/^.*$o{drop}.*\n//mg if $o{drop};
    return "Listen 127.0.0.1:$site{port}\n<VirtualHost 127.0.0.1:$site{port}>\n    ServerName auth.test\n$conf</VirtualHost>\n\n";
}

1;
