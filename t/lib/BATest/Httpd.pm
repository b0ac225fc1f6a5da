# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Httpd;

# A private httpd, configured, started and stopped by Apache::Test, with one virtual host per site.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use POSIX ();
use Time::HiRes qw(sleep time);

our $BINARY = $ENV{BA_HTTPD}     || '/usr/sbin/apache2';
my $MODULES = $ENV{BA_MODULEDIR} || '/usr/lib/apache2/modules';
my $SUPPRESSIONS = abs_path(dirname(__FILE__) . '/../../threads/suppressions');

# Debian compiles unixd, log_config and watchdog in.
my @MODULES = qw(mpm_event authn_core authz_core authz_host authz_user access_compat auth_basic authn_file alias dir mime
    env setenvif headers include rewrite remoteip cgid proxy proxy_http dbd socache_shmcb autoindex actions);

# dir: serverroot, absent or from an earlier run; module: path of mod_betterauth.so, absent = not loaded;
# sites: [ { name, port, conf } ]; port: of the main server; env: variables for httpd;
# main: directives outside of any site; first: those before our module is loaded; mpm: prefork or worker instead of event.
sub new {
    my ($class, %args) = @_;
    return bless {%args}, $class;
}

sub error_log { "$_[0]{dir}/logs/error_log" }
sub pid_file  { "$_[0]{dir}/logs/httpd.pid" }

sub pid {
    my ($self) = @_;
    open my $in, '<', $self->pid_file or return 0;
    my $pid = <$in> // 0;
    chomp $pid;
    return $pid;
}

# without: names of modules to leave out.
sub load_modules {
    my ($module, @without) = @_;
    my %without = map { $_ => 1 } @without;
    return join '', (map { "LoadModule ${_}_module $MODULES/mod_$_.so\n" } grep { !$without{$_} } @MODULES),
        $module ? "LoadModule betterauth_module $module\n" : ();
}

sub _write {
    my ($file, $text) = @_;
    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $text;
    close $out or die "$file: $!\n";
}

# Configures and starts it. In a process of its own: Apache::Test keeps one configuration per process, in globals.
sub launch {
    my ($self) = @_;
    my $dir = $self->{dir};
    make_path("$dir/conf", "$dir/logs", "$dir/htdocs");
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        open STDOUT, '>>', "$dir/logs/start";    # Apache::Test talks, and only TAP or prove's lines may stand here
        open STDERR, '>&', \*STDOUT;
        local $SIG{TERM} = 'DEFAULT';             # it sends its own process a TERM when httpd dies at once
        @ENV{ keys %{ $self->{env} } } = values %{ $self->{env} } if $self->{env};
        my $ok = eval { $self->_configure; $self->{config}->server->start };
        print STDERR $@;
        POSIX::_exit($ok ? 0 : 1);
    }
    waitpid $pid, 0;
    return $self if !$?;
    my $said = '';
    for my $file ("$dir/logs/start", $self->error_log) {
        open my $in, '<', $file or next;
        my @lines = <$in>;
        $said .= join '', @lines > 20 ? @lines[-20 .. -1] : @lines;
    }
    die "httpd does not start:\n$said";
}

# Apache::Test asks apxs some fifty times where things are, which it was told, and sleeps for whole seconds.
sub _in_a_hurry {
    no warnings qw(once redefine);
    *Apache::TestServer::sleep = sub { sleep $_[0] / 20 };    # before it is compiled
    require Apache::TestServer;
    require Apache::TestConfig;
    *Apache::TestConfig::default_apxs = sub { undef };
}

# Apache::Test's own configuration would listen on every interface, so we say where.
sub _configure {
    my ($self) = @_;
    _in_a_hurry();
    my $dir = $self->{dir};
    my $mpm = $self->{mpm} || 'event';
    my $threads = $mpm eq 'prefork' ? '' : join "\n", 'ServerLimit 4', 'MinSpareThreads 8', 'MaxSpareThreads 64', 'ThreadsPerChild 16', 'MaxRequestWorkers 64';
    my $modules = load_modules() =~ s/mpm_event/mpm_$mpm/gr;
    _write("$dir/base.conf", $modules . ($self->{first} // '') . ($self->{module} ? "LoadModule betterauth_module $self->{module}\n" : ''));
    my $trace = $self->{module} ? ' betterauth:trace4' : '';
    _write("$dir/conf/httpd.conf.in", <<"END");
Listen 127.0.0.1:\@Port\@
ServerRoot "\@ServerRoot\@"
DocumentRoot "\@DocumentRoot\@"
PidFile "\@t_pid_file\@"
ErrorLog "\@t_logs\@/error_log"
LogLevel warn$trace
AddType text/css .css
ScriptSock "\@t_logs\@/cgisock"
DefaultRuntimeDir "\@t_logs\@"
CoreDumpDirectory "\@t_logs\@"
StartServers 2
$threads
GracefulShutDownTimeout 5
Timeout 20
KeepAliveTimeout 2
TraceEnable off
END
    _write("$dir/conf/sites.conf", join '', $self->{main} // '', map {
        "Listen 127.0.0.1:$_->{port}\n<VirtualHost 127.0.0.1:$_->{port}>\n    ServerName auth.test\n$_->{conf}</VirtualHost>\n\n"
    } @{ $self->{sites} });

    chdir $dir or die "$dir: $!\n";
    my $config = $self->{config} = Apache::TestConfig->new({
        top_dir => $dir, t_dir => $dir, httpd => $BINARY, httpd_conf => "$dir/base.conf", servername => '127.0.0.1',
        port => $self->{port}, startup_timeout => 30, src_dir => $dir, defines => '',
    });
    $config->httpd_config;
    $config->postamble(Include => qq{"$dir/conf/sites.conf"});
    $config->generate_httpd_conf;
}

# What runs httpd as it was configured, for a shell.
sub command {
    my ($self) = @_;
    my %env = %{ $self->{env} || {} };
    return join ' ', 'env', (map { "'$_=$env{$_}'" } sort keys %env), "'$BINARY' -d '$self->{dir}' -f '$self->{dir}/conf/httpd.conf'";
}

# Starts it again as it was configured, without waiting for it.
sub start_again { return system($_[0]->command) == 0 }

# Apache::Test's stop talks a lot and waits in whole seconds; the pid file is all that is needed.
sub stop {
    my ($self) = @_;
    my $pid = $self->pid or return;
    kill TERM => $pid;
    my $deadline = time + 20;
    while (runs($pid)) {
        if (time > $deadline) { kill KILL => $pid; last }
        sleep 0.02;
    }
    unlink $self->pid_file;
}

# A zombie does not: it is init's, who may take its time.
sub runs {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 0;
    return (<$in> // ') Z') !~ /\) Z/;
}

sub signal { kill $_[1] => $_[0]->pid }

# Process ids of the children that serve. The CGI daemon is a child too, but has no threads.
sub children {
    my ($self) = @_;
    my $parent = $self->pid;
    my @children;
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $stat or next;
        my ($pid, $ppid) = (<$in> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
        push @children, $pid if $ppid == $parent && (() = glob "/proc/$pid/task/*") > 1;
    }
    return @children;
}

# The sanitizer that a module was built with, for addresses or for threads: libasan.so or libtsan.so; undef: none.
sub sanitizer { return qx(ldd '$_[0]') =~ /\b(lib[at]san\.so)/ ? $1 : undef }

# What httpd needs in its environment with such a module. Reports are named REPORT.PID.
sub sanitizers {
    my ($module, $report) = @_;
    my $name = sanitizer($module) or return {};
    # Pools are freed as a whole, so what leaks is not seen by address; a report of another kind fails the run.
    my $common = "log_path=$report:print_stacktrace=1";
    # That for threads is loaded by t/threads/httpd, since a shell does not bear it. A child of prefork cleans up in the handler of
    # its signal, pools, OpenSSL and all: that is httpd's way, and no race. The sanitizer wrote thousands of reports of it, and then
    # waited a second, with the others queueing for the mutex that the child still held.
    return { TSAN_OPTIONS => "report_thread_leaks=0:report_signal_unsafe=0:atexit_sleep_ms=0:suppressions=$SUPPRESSIONS:$common" }
        if $name eq 'libtsan.so';
    chomp(my $library = qx(gcc -print-file-name=$name));
    return { LD_PRELOAD => abs_path($library) || die("gcc knows no $name\n"), ASAN_OPTIONS => "detect_leaks=0:abort_on_error=0:$common",
        UBSAN_OPTIONS => $common };
}

# Writes a configuration that nothing serves, conf below what every server has; answers its file.
sub write_configuration {
    my ($class, %args) = @_;
    my ($dir, $text) = @args{qw(dir conf)};
    make_path("$dir/logs");
    my $base = $args{load} // load_modules($args{module});
    _write("$dir/base.conf", <<"END" . $base . qq{Include "$dir/site.conf"\n});
ServerRoot "$dir"
ServerName auth.test
Listen 127.0.0.1:9
PidFile "$dir/logs/httpd.pid"
ErrorLog "$dir/logs/error_log"
ScriptSock "$dir/logs/cgisock"
DocumentRoot "$dir"
END
    _write("$dir/site.conf", $text);
    return "$dir/base.conf";
}

# Checks a configuration the way `apachectl configtest` does; returns exit status and all output.
#   how: further arguments, and what becomes of stderr
sub configtest {
    my ($class, %args) = @_;
    my $dir = $args{dir};
    my $file = $class->write_configuration(%args);
    unlink "$dir/logs/error_log";
    my %env = %{ $args{env} || {} };
    local @ENV{ keys %env } = values %env;
    my $how = $args{how} // '2>&1';
    my $output = qx{'$BINARY' -t -f '$file' $how};
    my $status = $? >> 8;
    if (open my $in, '<', "$dir/logs/error_log") { local $/; $output .= <$in> // '' }
    return ($status, $output);
}

1;
