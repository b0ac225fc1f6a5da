# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Sites;

# The virtual hosts of the live tests: one file of directives (t/conf/site.conf), filled in for each of them.

use strict;
use warnings;

# Mail goes to files; what was written is read from the table test_mail (t/conf/mails-*.sql).
my $MAIL = "    BetterAuthMailer dir:\@WORK\@/mails\n";
# Everything that mail makes possible, each step confirmed by it.
my $CONFIRM = $MAIL . "    BetterAuthChangeEmail on\n    BetterAuthDeleteUser confirm\n";
my $PROMPT = $MAIL . <<'END';
    BetterAuthChangeEmail on
    BetterAuthChangeEmailConfirm off
    BetterAuthChangeEmailUnverified on
    BetterAuthDeleteUser on
    BetterAuthVerifyOnSignUp on
    BetterAuthVerifySignsIn on
    BetterAuthResetRevokesSessions on
    BetterAuthVerificationIdentifier hashed
    BetterAuthVerifyExpiresIn 10m
    BetterAuthResetExpiresIn 10m
END
my $STRICT = $MAIL . <<'END';
    BetterAuthRequireEmailVerification on
    BetterAuthVerifyOnSignIn on
    BetterAuthDeleteUser confirm
    BetterAuthDeleteExpiresIn 10m
END

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

# Roles and bans; site.conf guards what begins with require-.
my $ADMIN = <<'END';
    BetterAuthAdmin on
    <Location "/require-role">
        Require betterauth role editor "chief editor" admin
    </Location>
    <Location "/require-role-all">
        <RequireAll>
            Require betterauth role editor
            Require betterauth email-verified
        </RequireAll>
    </Location>
    <Location "/require-role-any">
        <RequireAny>
            Require ip 10.9.8.7
            Require betterauth role admin
            Require user plain@example.com
        </RequireAny>
    </Location>
    <Location "/require-role-none">
        <RequireAll>
            Require valid-user
            <RequireNone>
                Require betterauth role editor
                Require betterauth role admin
            </RequireNone>
        </RequireAll>
    </Location>
    <Location "/require-role-not">
        <RequireAll>
            Require all granted
            Require not betterauth role editor
        </RequireAll>
    </Location>
    <Location "/require-role-pass">
        BetterAuthUnauthenticated pass
        <RequireAll>
            Require all granted
            Require not betterauth role editor
        </RequireAll>
    </Location>
    <Location "/role-variables">
        Header always set X-Role "expr=<%{BETTERAUTH:role}|%{BETTERAUTH_ROLE}>"
    </Location>
END
sub admin { return $ADMIN }

# All databases have one secret here; so that none believes another's cookies (BA0168), what is in them has another version.
sub cookie_cache { my ($form, $version) = @_; return qq{    BetterAuthCookieCache $form\n    BetterAuthCookieCacheVersion "$version"\n} }

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
    # sessions in cookies
    'cache-mysql'  => { dialect => 'mysql', database => 'ba_mysql', extra => cookie_cache('compact', 'mysql') },
    'cache-sqlite' => { dialect => 'sqlite', extra => cookie_cache('compact', 'sqlite') },
    'cache-jwt'    => { dialect => 'sqlite', extra => "    BetterAuthCookieCache jwt 2m\n" },
    'cache-jwe'    => { dialect => 'sqlite', extra => cookie_cache('jwe', 'sqlite') },
    node          => { dialect => 'mysql', database => 'ba_node', scrypt => 1, extra => $CONFIRM },
    'node-own'    => { dialect => 'mysql', database => 'ba_node_own', scrypt => 1, extra => $CONFIRM },
    'node-prompt' => { dialect => 'mysql', database => 'ba_node', scrypt => 1, extra => $PROMPT },
    'client-mysql'  => { cache => '# the default cache', dialect => 'mysql', database => 'ba_client', extra => $PROMPT },
    'client-sqlite' => { cache => '# the default cache', dialect => 'sqlite', extra => $PROMPT },
    'client-confirm-mysql'  => { cache => '# the default cache', dialect => 'mysql', database => 'ba_client', extra => $CONFIRM },
    'client-confirm-sqlite' => { cache => '# the default cache', dialect => 'sqlite', extra => $CONFIRM },
    'client-bearer-mysql'  => { dialect => 'mysql', database => 'ba_client', extra => "    BetterAuthBearer on\n" },
    'client-bearer-sqlite' => { dialect => 'sqlite', extra => "    BetterAuthBearer on\n" },
    bearer        => { dialect => 'mysql', database => 'ba_mysql', extra => "    BetterAuthBearer on\n" },
    'bearer-lite' => { dialect => 'sqlite', extra => "    BetterAuthBearer on\n" },
    limits        => { dialect => 'mysql', database => 'ba_mysql', extra => "    BetterAuthMaxSessionsPerUser 3\n    BetterAuthSessionMaxLifetime 10d\n" },
    'limits-lite' => { dialect => 'sqlite', extra => "    BetterAuthMaxSessionsPerUser 3\n    BetterAuthSessionMaxLifetime 10d\n" },
    fields        => { dialect => 'mysql', database => 'ba_fields', columns => 1, extra => $FIELDS },
    'fields-few'  => { dialect => 'mysql', database => 'ba_fields', extra => "    BetterAuthField user age string\n" },
    'fields-none' => { dialect => 'mysql', database => 'ba_fields' },
    'fields-lite' => { dialect => 'sqlite', columns => 1, extra => $FIELDS },
    'admin-mysql'  => { dialect => 'mysql', database => 'ba_mysql', extra => "$MAIL    BetterAuthVerifySignsIn on\n    BetterAuthBearer on\n$ADMIN" },
    'admin-sqlite' => { dialect => 'sqlite', extra => "$MAIL    BetterAuthVerifySignsIn on\n    BetterAuthBearer on\n$ADMIN" },
    'admin-cache'  => { dialect => 'mysql', database => 'ba_mysql', extra => cookie_cache('compact', 'mysql') . $ADMIN },
    'node-admin'   => { dialect => 'mysql', database => 'ba_node', scrypt => 1, extra => $ADMIN },
    'parity-admin' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, extra => "    BetterAuthAdmin on\n" },
    parity        => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1 },
    'parity-closed' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthSignUp off\n" },
    'parity-manual' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthAutoSignIn off\n" },
    'parity-verify' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthRequireEmailVerification on\n" },
    'parity-limit' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, limit => <<'END' },
    BetterAuthRateLimitDefault 10 5
    BetterAuthRateLimitRule /ok 2 2
    BetterAuthRateLimitRule /list-* 1m 1
    BetterAuthRateLimitRule /error off
    BetterAuthRateLimitRule /list-accounts 10 9
END
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
                       extra => "$CONFIRM    BetterAuthVerifySignsIn on\n    BetterAuthTrustedOrigins https://*.x.example *.y.example\n" },
    'parity-confirm' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, extra => $CONFIRM },
    'parity-prompt' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, extra => $PROMPT },
    'parity-strict' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1, extra => $STRICT },
    'parity-silent' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "$MAIL    BetterAuthRequireEmailVerification on\n    BetterAuthVerifyOnSignUp off\n" },
    # what is possible without mail
    'parity-bare' => { dialect => 'mysql', database => 'ba_parity', scrypt => 1, remoteip => 1,
                       extra => "    BetterAuthChangeEmail on\n    BetterAuthChangeEmailUnverified on\n    BetterAuthDeleteUser on\n" },
);

# mail: what a mailer makes possible, and else the defaults; strict: the other value of each setting.
my %FLOWS = (mail => <<'END', strict => <<'END');
    BetterAuthChangeEmail on
    BetterAuthDeleteUser on
END
    BetterAuthRequireEmailVerification on
    BetterAuthVerifyOnSignIn on
    BetterAuthVerifySignsIn on
    BetterAuthVerifyExpiresIn 10m
    BetterAuthResetExpiresIn 10m
    BetterAuthResetRevokesSessions on
    BetterAuthChangeEmail on
    BetterAuthChangeEmailUnverified on
    BetterAuthChangeEmailConfirm off
    BetterAuthDeleteUser confirm
    BetterAuthDeleteExpiresIn 10m
    BetterAuthVerificationIdentifier hashed
END
sub flows { my ($kind) = @_; return $MAIL . $FLOWS{$kind} }
for my $kind (keys %FLOWS) {
    $PLAIN{"$kind-mysql"} = { dialect => 'mysql', database => 'ba_mysql', extra => flows($kind) };
    $PLAIN{"$kind-sqlite"} = { dialect => 'sqlite', extra => flows($kind) };
}

# A place for programs that send a password.
sub programs { return <<'END' }
    <Location "/programs">
        AuthType Basic
        AuthName "Programs"
        AuthBasicProvider betterauth
        Require valid-user
    </Location>
END

# The build with sanitizers serves what runs twice.
our %ASAN = map { $_ => { %{ $PLAIN{$_} } } } qw(mysql sqlite catchall rewritten whole-site whole-site-ip
    cache-mysql cache-sqlite cache-jwt cache-jwe mail-mysql mail-sqlite strict-mysql strict-sqlite
    admin-mysql admin-sqlite admin-cache bearer bearer-lite limits limits-lite fields fields-few fields-none fields-lite);
$_->{database} && ($_->{database} .= '_asan') for values %ASAN;

# The same in Better Auth's words; senders: which mails server.mjs has a sender for.
my @CONFIRM = (senders => [qw(reset verify change delete)], options => { user => { changeEmail => { enabled => \1 }, deleteUser => { enabled => \1 } } });
my @PROMPT = (senders => [qw(reset verify)], options => {
    emailAndPassword => { revokeSessionsOnPasswordReset => \1, resetPasswordTokenExpiresIn => 600 },
    emailVerification => { sendOnSignUp => \1, autoSignInAfterVerification => \1, expiresIn => 600 },
    user => { changeEmail => { enabled => \1, updateEmailWithoutVerification => \1 }, deleteUser => { enabled => \1 } },
    verification => { storeIdentifier => 'hashed' },
});
my @STRICT = (senders => [qw(reset verify delete)], options => {
    emailAndPassword => { requireEmailVerification => \1 }, emailVerification => { sendOnSignIn => \1 },
    user => { deleteUser => { enabled => \1, deleteTokenExpiresIn => 600 } },
});

# What the npm servers of the oracle are told, by name; the httpd site "parity-NAME" is configured alike.
our %NPM = (
    main   => { database => 'ba_npm' },
    node   => { database => 'ba_node', @CONFIRM },
    'node-own' => { database => 'ba_node_own', @CONFIRM },
    'node-prompt' => { database => 'ba_node', @PROMPT },
    'node-admin' => { database => 'ba_node', plugins => { admin => {} } },
    'parity-admin' => { database => 'ba_parity_npm', plugins => { admin => {} } },
    client => { database => 'ba_npm', @PROMPT },
    'client-confirm' => { database => 'ba_npm', @CONFIRM },
    'client-bearer' => { database => 'ba_npm', plugins => { bearer => {} } },
    parity => { database => 'ba_parity_npm' },
    'parity-closed' => { database => 'ba_parity_npm', options => { emailAndPassword => { disableSignUp => \1 } } },
    'parity-manual' => { database => 'ba_parity_npm', options => { emailAndPassword => { autoSignIn => \0 } } },
    'parity-verify' => { database => 'ba_parity_npm', options => { emailAndPassword => { requireEmailVerification => \1 } } },
    'parity-limit' => { database => 'ba_parity_npm', options => { rateLimit => { enabled => \1, window => 10, max => 5,
        customRules => { '/ok' => { window => 2, max => 2 }, '/list-*' => { window => 60, max => 1 }, '/error' => \0 } } } },
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
    'parity-secure' => { database => 'ba_parity_npm', baseURL => 'https://auth.test', senders => [qw(reset verify change delete)],
        options => { trustedOrigins => ['https://*.x.example', '*.y.example'], emailVerification => { autoSignInAfterVerification => \1 },
                     user => { changeEmail => { enabled => \1 }, deleteUser => { enabled => \1 } } } },
    'parity-confirm' => { database => 'ba_parity_npm', @CONFIRM },
    'parity-prompt' => { database => 'ba_parity_npm', @PROMPT },
    'parity-strict' => { database => 'ba_parity_npm', @STRICT },
    'parity-silent' => { database => 'ba_parity_npm', senders => [qw(reset verify)],
        options => { emailAndPassword => { requireEmailVerification => \1 }, emailVerification => { sendOnSignUp => \0 } } },
    'parity-bare' => { database => 'ba_parity_npm',
        options => { user => { changeEmail => { enabled => \1, updateEmailWithoutVerification => \1 }, deleteUser => { enabled => \1 } } } },
);

# The cookie cache in each form, on both sides; the default version is compared as well.
for my $form (qw(compact jwt jwe)) {
    for (['parity', 'ba_parity', 'ba_parity_npm', 1, $form eq 'jwt' ? 'v2 of it' : '1'], ['node', 'ba_node', 'ba_node', 0, 'of node']) {
        my ($name, $database, $of_npm, $remoteip, $version) = @$_;
        $PLAIN{"$name-cache-$form"} = { dialect => 'mysql', database => $database, scrypt => 1, remoteip => $remoteip, extra => cookie_cache($form, $version) };
        $NPM{"$name-cache-$form"} = { database => $of_npm, options => { session => { cookieCache => { enabled => \1, strategy => $form, ($version eq '1' ? () : (version => $version)) } } } };
    }
}

# Text of one virtual host. %with: srcdir, workdir, secret, origin, echo, params (of mod_dbd), cgi.
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
        LIMIT  => $site->{limit} // 'BetterAuthRateLimit off',    # tests are in a hurry
        CACHE  => $site->{cache} // 'BetterAuthSessionCache off',    # tests change rows behind the server's back
        HASH   => $site->{scrypt} ? 'BetterAuthPasswordHash scrypt' : '# the default hash',
        ECHO   => $with{echo},
        WORK   => $with{workdir},
    );
    $text =~ s/^# content$(.*)^# end of content$//ms if $site->{closed};    # a host that is nothing but a back end
    # compared with npm, which has none: where there are pages, mails link to them
    $text =~ s{^    <Location "/auth">.*?</Location>\n}{}ms if $site->{remoteip};
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
#   file: its SQLite database, or mariadb and database as for private_httpd, limit: instead of "BetterAuthRateLimit off", cache: instead of "BetterAuthSessionCache off", drop: which lines of site.conf to leave out, extra: more directives, bare: only those
sub vhost {
    my ($name, %o) = @_;
    my $state = BATest::state();
    my %site = (dialect => $o{mariadb} ? 'mysql' : 'sqlite', file => $o{file}, database => $o{database}, port => BATest::free_port(), private => 1, extra => $o{extra}, limit => $o{limit}, cache => $o{cache});
    $state->{flavours}{ BATest::flavour() }{sites}{$name} = \%site;
    my $conf = $o{bare} ? $o{extra} : conf(\%site, %$state, params => $o{mariadb} ? $o{mariadb}->dbd_params($o{database}) : $o{file});
    $conf =~ s/^.*$o{drop}.*\n//mg if $o{drop};
    return "Listen 127.0.0.1:$site{port}\n<VirtualHost 127.0.0.1:$site{port}>\n    ServerName auth.test\n$conf</VirtualHost>\n\n";
}

1;
